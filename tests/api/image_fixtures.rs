//! Test helpers for images: valid and damaged files, upload forms, and requests of `Member`.
use crate::common::Member;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::Value;
use std::io::Cursor;

pub(crate) const FORMATS: [ImageFormat; 5] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp];
const RED: [u8; 3] = [230, 20, 20];
const BLUE: [u8; 3] = [20, 20, 230];
pub(crate) const BOUNDARY: &str = "----part----of----the----tests----";

/// Draws a picture: the upper half red, the lower half blue, a green mark in the upper left corner.
pub(crate) fn photo(width: u32, height: u32) -> DynamicImage {
    let pixel = |x, y| match (x < width / 4 && y < height / 4, y < height / 2) {
        (true, _) => Rgb([20, 230, 20]),
        (_, true) => Rgb(RED),
        (_, false) => Rgb(BLUE),
    };
    RgbImage::from_fn(width, height, pixel).into()
}

/// Draws a green disc on a transparent background.
pub(crate) fn disc(side: u32) -> DynamicImage {
    let radius = i64::from(side / 2);
    let pixel = |x, y| {
        let (x, y) = (i64::from(x) - radius, i64::from(y) - radius);
        if x * x + y * y < radius * radius * 4 / 5 { Rgba([20, 230, 20, 255]) } else { Rgba([0, 0, 0, 0]) }
    };
    RgbaImage::from_fn(side, side, pixel).into()
}

/// Encodes a picture.
pub(crate) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Returns [`photo`] as a JPEG.
pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(&photo(width, height), ImageFormat::Jpeg)
}

/// Returns a black grey-scale PNG. Even of 40 megapixels the file has less than 1 MiB.
pub(crate) fn png_of_zeros(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let pixels = vec![0; width as usize * height as usize];
    encoder.write_image(&pixels, width, height, ExtendedColorType::L8).unwrap();
    bytes
}

/// Returns a PNG chunk with its checksum.
pub(crate) fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let checked = [kind.as_slice(), data].concat();
    let mut crc = u32::MAX;
    for byte in &checked {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    [(data.len() as u32).to_be_bytes().as_slice(), &checked, &(!crc).to_be_bytes()].concat()
}

/// Inserts a chunk after the header of a PNG.
pub(crate) fn png_with(png: &[u8], chunk: &[u8]) -> Vec<u8> {
    // The signature and the header: 8 + 25 bytes.
    [&png[..33], chunk, &png[33..]].concat()
}

/// Returns a PNG whose header declares other dimensions than its data has.
pub(crate) fn png_with_header(width: u32, height: u32) -> Vec<u8> {
    let png = encoded(&photo(8, 8), ImageFormat::Png);
    let header = [&width.to_be_bytes(), &height.to_be_bytes(), &png[24..29]].concat();
    [&png[..8], &png_chunk(b"IHDR", &header), &png[33..]].concat()
}

/// Returns a GIF of `frames` frames of 8x8 pixels; the first is red, the others are blue.
pub(crate) fn gif_of(frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut bytes, 30);
    for number in 0..frames {
        let color = if number == 0 { Rgba([230, 20, 20, 255]) } else { Rgba([20, 20, 230, 255]) };
        encoder.encode_frame(image::Frame::new(RgbaImage::from_pixel(8, 8, color))).unwrap();
    }
    drop(encoder);
    bytes
}

/// Returns an Exif segment with an orientation and, if `location`, GPS coordinates in Seoul.
pub(crate) fn exif(orientation: u16, location: bool) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    let rotation = [orientation.to_be_bytes(), [0, 0]].concat().try_into().unwrap();
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    tiff.extend_from_slice(&2u16.to_be_bytes());
    tiff.extend(entry(0x0112, 3, 1, rotation));
    // The GPS directory starts after the header, this directory and its end.
    tiff.extend(entry(0x8825, 4, 1, 38u32.to_be_bytes()));
    tiff.extend_from_slice(&0u32.to_be_bytes());
    if location {
        tiff.extend_from_slice(&2u16.to_be_bytes());
        tiff.extend(entry(1, 2, 2, *b"N\0\0\0"));
        tiff.extend(entry(2, 5, 3, 68u32.to_be_bytes()));
        tiff.extend_from_slice(&0u32.to_be_bytes());
        for part in [37u32, 1, 33, 1, 59, 1] {
            tiff.extend_from_slice(&part.to_be_bytes());
        }
    }
    tiff.extend_from_slice(b"SECRET-PLACE");
    segment(0xE1, &[b"Exif\0\0".as_slice(), &tiff].concat())
}

/// Returns a JPEG segment.
pub(crate) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(data.len() as u16 + 2).to_be_bytes(), data].concat()
}

/// Inserts a segment at the start of a JPEG.
pub(crate) fn jpeg_with(jpeg: &[u8], segment: &[u8]) -> Vec<u8> {
    [&jpeg[..2], segment, &jpeg[2..]].concat()
}

/// Whether `bytes` contain `part`.
pub(crate) fn contains_bytes(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Returns the name of the colour of a pixel, tolerant of lossy codecs.
pub(crate) fn color(image: &DynamicImage, x: u32, y: u32) -> &'static str {
    let Rgb([red, green, blue]) = *image.to_rgb8().get_pixel(x, y);
    match (red > 128, green > 128, blue > 128) {
        (true, false, false) => "red",
        (false, true, false) => "green",
        (false, false, true) => "blue",
        _ => "other",
    }
}

/// Encodes a multipart form; the part `image` is a file.
pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, bytes) in parts {
        let file = if *name == "image" { "; filename=\"a.txt\"\r\nContent-Type: text/html" } else { "" };
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    form
}

/// An image variant as fetched without a token.
pub(crate) struct Fetched {
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
}

impl Fetched {
    pub(crate) fn decoded(&self) -> DynamicImage {
        image::load_from_memory(&self.bytes).unwrap()
    }
}

impl Member {
    /// Sends a multipart form.
    pub(crate) async fn send_form(&self, path: &str, form: impl Into<Body>) -> Response {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.request(Method::POST, path).header("content-type", kind).body(form).send().await.unwrap()
    }

    /// Uploads an image.
    pub(crate) async fn send_image(&self, purpose: &str, image: &[u8]) -> Response {
        self.send_form("/api/images", form(&[("purpose", purpose.as_bytes()), ("image", image)])).await
    }

    /// Uploads an image and asserts 201. Returns the response.
    pub(crate) async fn image(&self, purpose: &str, image: &[u8]) -> Value {
        let answer = self.send_image(purpose, image).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, StatusCode::CREATED, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Uploads an image and returns its id.
    pub(crate) async fn image_id(&self, purpose: &str, image: &[u8]) -> u64 {
        self.image(purpose, image).await["id"].as_u64().unwrap()
    }

    /// Uploads an image and asserts the problem.
    pub(crate) async fn image_refused(&self, image: &[u8], status: u16, code: &str) {
        crate::support::problem(self.send_image("post", image).await, status, code).await;
    }

    /// Fetches an image variant without a token.
    pub(crate) async fn fetch(&self, url: &str) -> Fetched {
        let answer = crate::common::client().get(format!("{}{url}", self.base)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        Fetched { kind, bytes: answer.bytes().await.unwrap().to_vec() }
    }

    /// Fetches both variants of an image: the original and the thumbnail.
    pub(crate) async fn variants(&self, image: &Value) -> [Fetched; 2] {
        [self.fetch(image["url"].as_str().unwrap()).await, self.fetch(image["thumbnailUrl"].as_str().unwrap()).await]
    }
}
