//! Colours of uploaded images: ICC profiles, lossless screenshots, JPEG photos, JPEGs without an end marker.
use crate::{
    image_fixtures::{color, encoded, jpeg, photo, png_chunk, png_with},
    support::{member, problem},
};
use image::{
    DynamicImage, GenericImageView, ImageEncoder, ImageFormat, Rgb, RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use moxcms::ColorProfile;

/// Encodes an image of one colour with an ICC profile.
fn plain(color: [u8; 3], format: ImageFormat, profile: &[u8]) -> Vec<u8> {
    let image = RgbImage::from_pixel(64, 64, Rgb(color));
    let (mut bytes, profile) = (Vec::new(), profile.to_vec());
    if format == ImageFormat::Jpeg {
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
        encoder.set_icc_profile(profile).unwrap();
        encoder.write_image(&image, 64, 64, image::ExtendedColorType::Rgb8).unwrap();
    } else {
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(profile).unwrap();
        encoder.write_image(&image, 64, 64, image::ExtendedColorType::Rgb8).unwrap();
    }
    bytes
}

fn color_distance(color: [u8; 3], expected: [u8; 3]) -> u8 {
    color.iter().zip(expected).map(|(one, other)| one.abs_diff(other)).max().unwrap()
}

#[tokio::test]
async fn wide_gamut_colors_are_converted_to_srgb() {
    let who = member().await;
    let (p3, adobe) = (ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb());
    for (profile, stored, expected) in [
        (&p3, [234, 51, 35], [255, 0, 0]),
        (&p3, [117, 251, 76], [0, 255, 0]),
        (&adobe, [219, 0, 0], [255, 0, 0]),
        (&adobe, [128, 128, 128], [128, 128, 128]),
    ] {
        let profile = profile.encode().unwrap();
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let image = who.image("post", &plain(stored, format, &profile)).await;
            for variant in who.variants(&image).await {
                let shown = variant.decoded().to_rgb8().get_pixel(32, 32).0;
                assert!(color_distance(shown, expected) <= 4, "{format:?}: {stored:?} is shown as {shown:?}");
                let mut decoder = image::ImageReader::new(std::io::Cursor::new(&variant.bytes));
                decoder = decoder.with_guessed_format().unwrap();
                let profile = image::ImageDecoder::icc_profile(&mut decoder.into_decoder().unwrap()).unwrap();
                assert_eq!(profile, None, "the variant has no ICC profile");
            }
        }
    }
}

#[tokio::test]
async fn an_invalid_color_profile_means_srgb() {
    let who = member().await;
    let whole = ColorProfile::new_display_p3().encode().unwrap();
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let mut lies = whole.clone();
    // The profile's tags point beyond its end.
    lies[132..].chunks_mut(4).for_each(|four| four.fill(0xFE));
    let mut many = whole.clone();
    many[128..132].fill(0xFF);
    let huge = [whole.as_slice(), &vec![0; 8 << 20]].concat();
    for (number, profile) in
        [&whole[..40], &whole[..whole.len() / 2], &[0xFF; 300], &grey, &lies, &many].iter().enumerate()
    {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let image = who.image("post", &plain([200, 30, 30], format, profile)).await;
            let shown = who.variants(&image).await[0].decoded().to_rgb8().get_pixel(32, 32).0;
            assert!(color_distance(shown, [200, 30, 30]) <= 40, "{number} {format:?}: {shown:?}");
        }
    }
    let image = who.image("post", &plain([200, 30, 30], ImageFormat::Png, &huge)).await;
    let shown = who.variants(&image).await[0].decoded().to_rgb8().get_pixel(32, 32).0;
    assert!(color_distance(shown, [200, 30, 30]) <= 4, "{shown:?}");
    let broken = png_with(&encoded(&photo(20, 10), ImageFormat::Png), &png_chunk(b"iCCP", b"profile\0\0not packed"));
    let answer = who.send_image("post", &broken).await;
    assert!([201, 422].contains(&answer.status().as_u16()), "{}", answer.text().await.unwrap());
}

/// Draws a picture like a screenshot: even areas, sharp lines, few colours.
fn screen(width: u32, height: u32) -> DynamicImage {
    let pixel = |x: u32, y: u32| match (y % 20, (x / 3 + y / 5) % 7, x / 200 % 2) {
        (0, ..) => Rgb([30, 30, 60]),
        (5..12, 0 | 3, 0) => Rgb([20, 20, 20]),
        (_, _, 1) => Rgb([240, 240, 250]),
        _ => Rgb([255, 255, 255]),
    };
    RgbImage::from_fn(width, height, pixel).into()
}

/// Draws a picture like a photo: no pixel equals the one before.
fn scene(width: u32, height: u32) -> DynamicImage {
    let mut noise = 7_u32;
    let pixel = |x: u32, y: u32| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (noise >> 28) as u8;
        Rgb([(x * 200 / width) as u8 + grain, (y * 200 / height) as u8 + grain, 90 + grain])
    };
    RgbImage::from_fn(width, height, pixel).into()
}

#[tokio::test]
async fn a_screenshot_is_stored_without_loss() {
    let who = member().await;
    let shot = screen(1_200, 700);
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let image = who.image("post", &encoded(&shot, format)).await;
        assert_eq!(image["contentType"], "image/png", "{format:?}");
        let [whole, preview] = who.variants(&image).await;
        assert_eq!((whole.kind.as_str(), preview.kind.as_str()), ("image/png", "image/png"));
        assert_eq!(whole.decoded().to_rgb8(), shot.to_rgb8(), "{format:?}: every pixel");
    }
    let grey = DynamicImage::from(shot.to_luma8());
    let image = who.image("post", &encoded(&grey, ImageFormat::Png)).await;
    assert_eq!(who.variants(&image).await[0].decoded().to_luma8(), grey.to_luma8());
}

#[tokio::test]
async fn a_photo_becomes_a_jpeg_from_any_format() {
    let who = member().await;
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Jpeg] {
        let image = who.image("post", &encoded(&scene(600, 400), format)).await;
        assert_eq!(image["contentType"], "image/jpeg", "{format:?}");
    }
    // A screenshot that comes as a JPEG is lossy already.
    let image = who.image("post", &encoded(&screen(600, 400), ImageFormat::Jpeg)).await;
    assert_eq!(image["contentType"], "image/jpeg");
}

#[tokio::test]
async fn a_jpeg_without_its_end_marker_is_accepted_if_complete() {
    let who = member().await;
    for (width, height) in [(300, 200), (16, 16), (9, 70), (640, 8)] {
        let whole = jpeg(width, height);
        assert_eq!(whole[whole.len() - 2..], [0xFF, 0xD9]);
        for cut in [1, 2] {
            let image = who.image("post", &whole[..whole.len() - cut]).await;
            let shown = who.variants(&image).await[0].decoded();
            assert_eq!(shown.dimensions(), (width, height));
            assert_eq!(color(&shown, width - 1, height - 1), "blue", "{width}x{height}");
        }
    }
    let whole = encoded(&scene(300, 200), ImageFormat::Jpeg);
    who.image("post", &whole[..whole.len() - 2]).await;
    for cut in [12, 50, whole.len() / 10, whole.len() / 2] {
        problem(who.send_image("post", &whole[..whole.len() - cut]).await, 422, "IMAGE_CORRUPTED").await;
    }
}
