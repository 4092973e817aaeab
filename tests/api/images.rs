//! Image uploads: formats, sizes, variants, orientation, metadata, form fields and repeats.
use crate::{
    image_fixtures::{FORMATS, color, contains_bytes, disc, encoded, exif, form, gif_of, jpeg, jpeg_with, photo},
    support::{fields, member, problem},
};
use image::{DynamicImage, GenericImageView, ImageFormat};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn every_format_is_accepted_and_a_drawing_becomes_a_png() {
    let who = member().await;
    for format in FORMATS {
        let image = who.image("post", &encoded(&photo(64, 48), format)).await;
        assert_eq!((&image["width"], &image["height"]), (&json!(64), &json!(48)), "{format:?}");
        // The picture has three colours and straight edges, which is stored as PNG; a JPEG is lossy already.
        let kind = if format == ImageFormat::Jpeg { "image/jpeg" } else { "image/png" };
        assert_eq!(image["contentType"], kind, "{format:?}");
        for variant in who.variants(&image).await {
            assert_eq!(variant.kind, kind);
            let decoded = variant.decoded();
            assert_eq!((color(&decoded, 4, 4), color(&decoded, 60, 4)), ("green", "red"), "{format:?}");
            assert_eq!(color(&decoded, 60, 44), "blue", "{format:?}");
        }
    }
}

#[tokio::test]
async fn transparent_images_become_png() {
    let who = member().await;
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let image = who.image("post", &encoded(&disc(700), format)).await;
        assert_eq!(image["contentType"], "image/png", "{format:?}");
        for variant in who.variants(&image).await {
            assert_eq!(variant.kind, "image/png");
            let decoded = variant.decoded().to_rgba8();
            let middle = decoded.width() / 2;
            assert_eq!(decoded.get_pixel(0, 0).0[3], 0, "{format:?}");
            assert_eq!(
                (decoded.get_pixel(middle, middle).0[3], color(&decoded.into(), middle, middle)),
                (255, "green")
            );
        }
    }
}

#[tokio::test]
async fn an_unused_alpha_channel_is_dropped() {
    let who = member().await;
    let opaque = DynamicImage::from(photo(40, 30).to_rgba8());
    let image = who.image("post", &encoded(&opaque, ImageFormat::Png)).await;
    let [whole, _] = who.variants(&image).await;
    assert!(!whole.decoded().color().has_alpha());
}

#[tokio::test]
async fn an_image_for_a_post_is_scaled_down_with_a_preview() {
    let who = member().await;
    let image = who.image("post", &jpeg(3_000, 1_500)).await;
    assert_eq!((&image["width"], &image["height"]), (&json!(2_048), &json!(1_024)));
    let [whole, preview] = who.variants(&image).await.map(|variant| variant.decoded());
    assert_eq!((whole.dimensions(), preview.dimensions()), ((2_048, 1_024), (600, 300)));
    assert_eq!((color(&preview, 5, 5), color(&preview, 590, 5), color(&preview, 5, 290)), ("green", "red", "blue"));
}

#[tokio::test]
async fn an_image_for_a_profile_is_scaled_down_with_a_centred_square() {
    let who = member().await;
    let image = who.image("profile", &jpeg(900, 450)).await;
    assert_eq!((&image["width"], &image["height"]), (&json!(350), &json!(175)));
    let [whole, small] = who.variants(&image).await.map(|variant| variant.decoded());
    assert_eq!((whole.dimensions(), small.dimensions()), ((350, 175), (150, 150)));
    // The green mark of the picture ends where the square begins.
    assert_eq!((color(&small, 5, 5), color(&small, 5, 145)), ("red", "blue"));
}

#[tokio::test]
async fn small_images_are_not_enlarged() {
    let who = member().await;
    for (purpose, small) in [("post", (40, 20)), ("profile", (20, 20))] {
        let image = who.image(purpose, &jpeg(40, 20)).await;
        let [whole, thumbnail] = who.variants(&image).await.map(|variant| variant.decoded().dimensions());
        assert_eq!((whole, thumbnail), ((40, 20), small), "{purpose}");
    }
}

#[tokio::test]
async fn an_image_one_pixel_high_is_accepted() {
    let who = member().await;
    let image = who.image("post", &encoded(&photo(20_000, 1), ImageFormat::Png)).await;
    assert_eq!((&image["width"], &image["height"]), (&json!(2_048), &json!(1)));
    assert_eq!(who.variants(&image).await[1].decoded().dimensions(), (600, 1));
}

#[tokio::test]
async fn the_exif_orientation_is_applied() {
    let who = member().await;
    let upright = photo(64, 32);
    // The pixels that a camera stores for each orientation.
    let stored: [(u16, DynamicImage); 8] = [
        (1, upright.clone()),
        (2, upright.fliph()),
        (3, upright.rotate180()),
        (4, upright.flipv()),
        (5, upright.rotate270().flipv()),
        (6, upright.rotate270()),
        (7, upright.rotate90().flipv()),
        (8, upright.rotate90()),
    ];
    for (orientation, file) in stored {
        let file = jpeg_with(&encoded(&file, ImageFormat::Jpeg), &exif(orientation, false));
        let image = who.image("post", &file).await;
        assert_eq!((&image["width"], &image["height"]), (&json!(64), &json!(32)), "{orientation}");
        let [whole, _] = who.variants(&image).await.map(|variant| variant.decoded());
        let corners = [color(&whole, 2, 2), color(&whole, 61, 2), color(&whole, 2, 29), color(&whole, 61, 29)];
        assert_eq!(corners, ["green", "red", "blue", "blue"], "{orientation}");
    }
}

#[tokio::test]
async fn exif_metadata_is_removed() {
    let who = member().await;
    let file = jpeg_with(&jpeg(1_000, 500), &exif(1, true));
    assert!(contains_bytes(&file, b"Exif") && contains_bytes(&file, b"SECRET-PLACE"));
    for purpose in ["post", "profile"] {
        let image = who.image(purpose, &file).await;
        for variant in who.variants(&image).await {
            assert!(
                !contains_bytes(&variant.bytes, b"Exif") && !contains_bytes(&variant.bytes, b"SECRET-PLACE"),
                "{purpose}"
            );
            let mut decoder = image::ImageReader::new(std::io::Cursor::new(&variant.bytes));
            decoder.set_format(ImageFormat::Jpeg);
            let metadata = image::ImageDecoder::exif_metadata(&mut decoder.into_decoder().unwrap()).unwrap();
            assert_eq!(metadata, None, "{purpose}");
        }
    }
}

#[tokio::test]
async fn sixteen_bit_and_grey_images_become_8_bit() {
    let who = member().await;
    let deep = DynamicImage::from(photo(50, 40).to_rgb16());
    let see_through = DynamicImage::from(disc(50).to_rgba16());
    let grey = DynamicImage::from(photo(50, 40).to_luma8());
    let deep_grey = DynamicImage::from(disc(50).to_luma_alpha16());
    for (image, kind) in [(deep, "png"), (see_through, "png"), (grey, "png"), (deep_grey, "png")] {
        let made = who.image("profile", &encoded(&image, ImageFormat::Png)).await;
        assert_eq!(made["contentType"], format!("image/{kind}"));
        let [whole, _] = who.variants(&made).await;
        assert_eq!(whole.decoded().color().bits_per_pixel() / u16::from(whole.decoded().color().channel_count()), 8);
    }
}

#[tokio::test]
async fn an_animation_becomes_its_first_frame() {
    let who = member().await;
    let image = who.image("post", &gif_of(5)).await;
    let [whole, _] = who.variants(&image).await;
    assert_eq!(color(&whole.decoded(), 4, 4), "red");
}

#[tokio::test]
async fn the_response_has_location_and_urls() {
    let who = member().await;
    let answer = who.send_image("post", &jpeg(20, 10)).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let image: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(location, format!("/api/images/{}", image["id"]));
    let at = |name: &str| image[name].as_str().unwrap().starts_with(&location);
    assert!(at("url") && at("thumbnailUrl") && image["url"] != image["thumbnailUrl"], "{image}");
}

#[tokio::test]
async fn the_purpose_can_be_in_the_query() {
    let who = member().await;
    let answer = who.send_form("/api/images?purpose=profile", form(&[("image", &jpeg(900, 450))])).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["width"], 350);
}

#[tokio::test]
async fn a_missing_or_unknown_purpose_is_a_field_error() {
    let who = member().await;
    let image = jpeg(20, 10);
    let missing = who.send_form("/api/images", form(&[("image", &image)])).await;
    let missing = fields(&problem(missing, 422, "VALIDATION_FAILED").await);
    assert_eq!(missing, [("purpose".to_owned(), "REQUIRED".to_owned())]);
    let unknown = fields(&problem(who.send_image("banner", &image).await, 422, "VALIDATION_FAILED").await);
    assert_eq!(unknown, [("purpose".to_owned(), "UNKNOWN_VALUE".to_owned())]);
}

#[tokio::test]
async fn an_upload_needs_exactly_one_image() {
    let who = member().await;
    who.image_refused(b"", 422, "IMAGE_EMPTY").await;
    let without = who.send_form("/api/images", form(&[("purpose", b"post")])).await;
    problem(without, 422, "IMAGE_EMPTY").await;
    let twice = form(&[("purpose", b"post"), ("image", &jpeg(9, 9)), ("image", &jpeg(9, 9))]);
    problem(who.send_form("/api/images", twice).await, 400, "MALFORMED_REQUEST").await;
}

#[tokio::test]
async fn an_upload_needs_a_complete_form_and_a_token() {
    let who = member().await;
    who.refused(Method::POST, "/api/images", json!({"image": "x"}), 415, "UNSUPPORTED_MEDIA_TYPE").await;
    let stranger = crate::common::client().post(format!("{}/api/images", who.base)).body("x").send().await.unwrap();
    problem(stranger, 401, "BEARER_TOKEN_MISSING").await;
    let cut = form(&[("purpose", b"post"), ("image", &jpeg(20, 10))]);
    problem(who.send_form("/api/images", cut[..cut.len() - 40].to_vec()).await, 400, "MALFORMED_REQUEST").await;
}

#[tokio::test]
async fn a_repeated_upload_is_one_image() {
    let who = member().await;
    let send = async |key: &'static str, purpose: &str, image: &[u8]| {
        let form = form(&[("purpose", purpose.as_bytes()), ("image", image)]);
        let kind = "multipart/form-data; boundary=----part----of----the----tests----";
        let request = who.request(Method::POST, "/api/images").header("idempotency-key", key);
        request.header("content-type", kind).body(form).send().await.unwrap()
    };
    let first = send("one", "post", &jpeg(30, 20)).await.text().await.unwrap();
    assert_eq!(send("one", "post", &jpeg(30, 20)).await.text().await.unwrap(), first);
    problem(send("one", "post", &jpeg(31, 20)).await, 422, "IDEMPOTENCY_KEY_REUSED").await;
    problem(send("one", "profile", &jpeg(30, 20)).await, 422, "IDEMPOTENCY_KEY_REUSED").await;
    let other = send("two", "post", &jpeg(30, 20)).await.text().await.unwrap();
    assert_ne!(other, first);
    for answer in [first, other] {
        let image: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(who.variants(&image).await[0].decoded().dimensions(), (30, 20));
    }
}
