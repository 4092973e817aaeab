//! Malicious and damaged image uploads: wrong formats, truncated files, bombs, lying headers, embedded data.
use crate::{
    image_fixtures::{
        FORMATS, contains_bytes, encoded, form, gif_of, jpeg, jpeg_with, photo, png_chunk, png_of_zeros, png_with,
        png_with_header, segment,
    },
    support::{member, problem},
};
use image::{GenericImageView, ImageFormat};

#[tokio::test]
async fn other_file_formats_are_unsupported() {
    let who = member().await;
    let others: [&[u8]; 11] = [
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"%PDF-1.7\n%\xE2\xE3\xCF\xD3",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
        b"II\x2a\0\x08\0\0\0\0\0\0\0\0\0",
        b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"\0\0\0\x18ftypmp42\0\0\0\0isommp42",
        b"qoif\0\0\0\x01\0\0\0\x01\x03\0",
        "안녕하세요".as_bytes(),
    ];
    for other in others {
        who.image_refused(other, 415, "IMAGE_UNSUPPORTED").await;
    }
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let who = member().await;
    for format in FORMATS {
        let whole = encoded(&photo(300, 200), format);
        for percent in [50, 80, 95] {
            let cut = &whole[..whole.len() * percent / 100];
            let answer = who.send_image("post", cut).await;
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status == 422 && text.contains("IMAGE_CORRUPTED"), "{format:?} {percent}: {text}");
        }
    }
}

#[tokio::test]
async fn a_signature_followed_by_garbage_is_refused() {
    let who = member().await;
    let garbage: Vec<u8> = (0..2_000u32).map(|number| ((number * 7_919) >> 3) as u8).collect();
    for format in FORMATS {
        let signature = &encoded(&photo(8, 8), format)[..12];
        let answer = who.send_image("post", &[signature, &garbage].concat()).await;
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert!([413, 415, 422].contains(&status) && text.contains("\"code\":\"IMAGE_"), "{format:?}: {text}");
    }
    who.image_refused(b"\xFF\xD8\xFF", 422, "IMAGE_CORRUPTED").await;
    who.image_refused(b"\x89PNG\r\n\x1a\n", 422, "IMAGE_CORRUPTED").await;
    who.image_refused(b"GIF89a", 422, "IMAGE_CORRUPTED").await;
}

#[tokio::test]
async fn an_image_has_at_most_forty_megapixels() {
    let who = member().await;
    let image = who.image("post", &png_of_zeros(8_000, 5_000)).await;
    assert_eq!((&image["width"], &image["height"]), (&2_048.into(), &1_280.into()));
    let bomb = png_of_zeros(8_001, 5_000);
    assert!(bomb.len() < 1 << 20, "the file is small: {}", bomb.len());
    who.image_refused(&bomb, 413, "IMAGE_TOO_LARGE").await;
}

#[tokio::test]
async fn huge_declared_dimensions_are_refused_without_decoding() {
    let who = member().await;
    for (width, height) in [(60_000, 60_000), (u32::MAX >> 1, u32::MAX >> 1), (40_000, 1), (1, 1_000_000)] {
        who.image_refused(&png_with_header(width, height), 413, "IMAGE_TOO_LARGE").await;
    }
    // The header declares more pixels than the file has.
    who.image_refused(&png_with_header(5_000, 5_000), 422, "IMAGE_CORRUPTED").await;
    who.image_refused(&png_with_header(0, 5), 422, "IMAGE_CORRUPTED").await;
}

#[tokio::test]
async fn a_gif_of_ten_thousand_frames_is_decoded_to_one() {
    let who = member().await;
    let gif = gif_of(10_000);
    let image = who.image("post", &gif).await;
    let [whole, _] = who.variants(&image).await;
    assert_eq!(whole.decoded().dimensions(), (8, 8));
    assert!(whole.bytes.len() < 5_000, "{}", whole.bytes.len());
}

#[tokio::test]
async fn a_gif_with_a_huge_screen_or_frame_is_refused() {
    let who = member().await;
    let gif = gif_of(1);
    let mut screen = gif.clone();
    screen[6..10].fill(0xFF);
    who.image_refused(&screen, 413, "IMAGE_TOO_LARGE").await;
    let at = gif.windows(1).position(|byte| byte == [0x2C]).unwrap();
    let mut frame = gif;
    frame[at + 5..at + 9].fill(0xFF);
    let answer = who.send_image("post", &frame).await;
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert!([413, 422].contains(&status) && text.contains("\"code\":\"IMAGE_"), "{text}");
}

#[tokio::test]
async fn a_bmp_or_webp_with_wrong_dimensions_is_refused() {
    let who = member().await;
    let mut bmp = encoded(&photo(16, 16), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&30_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&30_000u32.to_le_bytes());
    who.image_refused(&bmp, 413, "IMAGE_TOO_LARGE").await;
    bmp[18..22].copy_from_slice(&5_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&5_000u32.to_le_bytes());
    who.image_refused(&bmp, 422, "IMAGE_CORRUPTED").await;
    let mut webp = encoded(&photo(16, 16), ImageFormat::WebP);
    // The lossless header: 14 bits of width and 14 of height behind its signature.
    let at = webp.windows(4).position(|four| four == b"VP8L").unwrap() + 9;
    webp[at..at + 4].fill(0xFF);
    let answer = who.send_image("post", &webp).await;
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert!([413, 422].contains(&status) && text.contains("\"code\":\"IMAGE_"), "{text}");
}

#[tokio::test]
async fn compressed_png_chunks_are_not_unpacked_without_limit() {
    let who = member().await;
    // 40 MB of compressed zeros: a valid payload of a colour profile chunk and of a text chunk as well.
    let bomb = png_of_zeros(8_000, 5_000);
    let at = bomb.windows(4).position(|four| four == b"IDAT").unwrap();
    let length = u32::from_be_bytes(bomb[at - 4..at].try_into().unwrap()) as usize;
    let packed = &bomb[at + 4..at + 4 + length];
    let png = encoded(&photo(20, 10), ImageFormat::Png);
    for (kind, head) in [(b"iCCP", b"profile\0\0".as_slice()), (b"zTXt", b"Comment\0\0")] {
        let file = png_with(&png, &png_chunk(kind, &[head, packed].concat()));
        let answer = who.send_image("post", &file).await;
        assert!([201, 413, 422].contains(&answer.status().as_u16()), "{}", answer.text().await.unwrap());
    }
}

#[tokio::test]
async fn a_polyglot_file_keeps_only_its_pixels() {
    let who = member().await;
    let script = b"<script>alert('SECRET')</script>";
    let archive = b"PK\x03\x04SECRET-ARCHIVE";
    let (jpeg, png) = (jpeg(200, 100), encoded(&photo(200, 100), ImageFormat::Png));
    let mut gif = gif_of(1);
    gif.pop();
    let comment = [b"\x21\xFE".as_slice(), &[script.len() as u8], script, b"\0\x3B", script].concat();
    let files = [
        [jpeg.as_slice(), archive].concat(),
        [jpeg.as_slice(), script].concat(),
        jpeg_with(&jpeg, &segment(0xFE, script)),
        jpeg_with(&jpeg, &segment(0xED, archive)),
        [png.as_slice(), archive].concat(),
        png_with(&png, &png_chunk(b"tEXt", &[b"Comment\0".as_slice(), script].concat())),
        png_with(&png, &png_chunk(b"teSt", archive)),
        [gif.as_slice(), &comment].concat(),
        [encoded(&photo(20, 10), ImageFormat::Bmp).as_slice(), script].concat(),
    ];
    for (number, file) in files.iter().enumerate() {
        let image = who.image("post", file).await;
        for variant in who.variants(&image).await {
            assert!(
                !contains_bytes(&variant.bytes, b"SECRET") && !contains_bytes(&variant.bytes, b"script"),
                "{number}"
            );
            assert!(!contains_bytes(&variant.bytes, b"PK\x03\x04"), "{number}");
        }
    }
}

#[tokio::test]
async fn too_large_uploads_get_a_413_problem() {
    let who = member().await;
    let jpeg = jpeg(200, 100);
    let padded = |bytes: usize| [jpeg.as_slice(), &vec![0; bytes - jpeg.len()]].concat();
    let most = 10 * 1024 * 1024;
    who.image("post", &padded(most)).await;
    for bytes in [most + 1, most + (1 << 20), 2 * most] {
        who.image_refused(&padded(bytes), 413, "IMAGE_TOO_LARGE").await;
    }
    // A chunked upload without a content-length is measured.
    let pieces: Vec<_> =
        form(&[("purpose", b"post"), ("image", &padded(most + 1))]).chunks(1 << 16).map(Vec::from).collect();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)));
    problem(who.send_form("/api/images", body).await, 413, "IMAGE_TOO_LARGE").await;
}
