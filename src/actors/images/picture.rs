//! Processes one upload: `measure` detects its format and reads its size, `process` decodes, scales, rotates and
//! encodes it.
//!
//! The stored files are made only of pixels, so no metadata of the upload survives. Slow: runs on blocking threads.
use super::colors::Colors;
use crate::domain::{IMAGE_PIXELS_MAX, IMAGE_SIDE_MAX, ImageKind, Purpose, Refusal, fits_limits, scaled_to_fit};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use fast_image_resize::{FilterType, MulDiv, ResizeAlg, ResizeOptions, Resizer};
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use rustc_hash::FxHashSet;
use std::io::Cursor;

/// JPEG quality, of 100. Above it files grow faster than the image visibly improves.
const JPEG_QUALITY: u8 = 85;
/// The largest size of a lossless PNG of a drawing, in halves of the size of the JPEG.
const LOSSLESS_HALVES_MAX: u64 = 3;
/// An image with up to this many colours is a drawing.
const DRAWN_COLORS_MAX: usize = 256;
/// An image is a drawing as well if one pixel in this many equals the pixel before it; in a photo hardly any does.
const DRAWN_SAME_PART: u64 = 4;
/// The second byte of the end-of-image marker of a JPEG.
const END: u8 = 0xD9;
/// Bytes appended to a JPEG without its end marker: more than a decoder reads ahead.
const ENDING_BYTES: usize = 64;
/// Unpacked bytes of a PNG's colour profile and texts. A decoder reads them before the pixels, and they can be bombs.
const METADATA_BYTES_MAX: u64 = 16 << 20;
/// Bytes that a decoder can allocate beside the pixels: the first frame of a GIF can be as large as the whole image.
const FRAME_BYTES_MAX: u64 = IMAGE_PIXELS_MAX * 4;

/// The format and size of an upload, read from its header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    format: ImageFormat,
    pixels: u64,
}

impl Measured {
    /// Returns the number of megapixels, rounded up; at most 40.
    pub(super) fn megapixels(self) -> u32 {
        u32::try_from(self.pixels.div_ceil(1_000_000)).unwrap_or(u32::MAX)
    }
}

/// Both encoded variants of an upload, and the size of the original.
#[derive(Debug)]
pub(super) struct Variants {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) kind: ImageKind,
    pub(super) original: Bytes,
    pub(super) thumbnail: Bytes,
}

/// Reads the header of an upload. Refuses `ImageEmpty`, `ImageUnsupported`, `ImageTooLarge`, `ImageCorrupted`.
pub(super) fn measure(upload: &[u8]) -> Result<Measured, Refusal> {
    if upload.is_empty() {
        return Err(Refusal::ImageEmpty);
    }
    use ImageFormat as F;
    // The first bytes decide, not the content type of the request.
    let Ok(format @ (F::Jpeg | F::Png | F::WebP | F::Gif | F::Bmp)) = image::guess_format(upload) else {
        return Err(Refusal::ImageUnsupported);
    };
    let (width, height) = decoder(upload, format).map_err(refusal)?.dimensions();
    if !fits_limits(width, height) {
        return Err(Refusal::ImageTooLarge);
    }
    if width == 0 || height == 0 {
        return Err(Refusal::ImageCorrupted);
    }
    Ok(Measured { format, pixels: u64::from(width) * u64::from(height) })
}

/// Decodes an upload and encodes both variants; of an animation, only its first frame. Refuses `ImageUnsupported`,
/// `ImageTooLarge`, `ImageCorrupted`.
pub(super) fn process(upload: &[u8], measured: Measured, purpose: Purpose) -> Result<Variants, Refusal> {
    if measured.format != ImageFormat::Jpeg || has_end(upload) {
        return process_complete(upload, measured, purpose);
    }
    let completed = with_end(upload).ok_or(Refusal::ImageCorrupted)?;
    process_complete(&completed, measured, purpose)
}

/// Processes an upload that is not truncated.
fn process_complete(upload: &[u8], measured: Measured, purpose: Purpose) -> Result<Variants, Refusal> {
    let mut decoder = decoder(upload, measured.format).map_err(refusal)?;
    let colors = decoder.icc_profile().ok().flatten().and_then(|profile| Colors::read(&profile));
    // An unreadable orientation is ignored.
    let orientation = decoder.orientation().ok();
    let mut source = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    let (width, height) = (source.width(), source.height());
    let sizes = [scaled_to_fit(width, height, purpose.side_max()), thumbnail_size(width, height, purpose)];
    let mut variants = scale(&mut source, sizes)?;
    drop(source);
    if let Some(orientation) = orientation {
        variants.iter_mut().for_each(|variant| variant.apply_orientation(orientation));
    }
    let transparent = !is_opaque(&variants[0]);
    let [original, thumbnail] = variants.map(|variant| {
        let variant = to_eight_bits(variant, transparent);
        match &colors {
            Some(colors) => colors.to_srgb(variant),
            None => variant,
        }
    });
    let (width, height) = (original.width(), original.height());
    let (kind, original) = if transparent {
        (ImageKind::Png, encode(&original, ImageKind::Png)?)
    } else {
        encode_opaque(&original, measured.format)?
    };
    let thumbnail = encode(&thumbnail, kind)?;
    Ok(Variants { width, height, kind, original, thumbnail })
}

/// Encodes as JPEG, or as PNG if the upload was lossless, looks like a drawing or a screenshot, and stays small.
fn encode_opaque(image: &DynamicImage, format: ImageFormat) -> Result<(ImageKind, Bytes), Refusal> {
    let jpeg = encode(image, ImageKind::Jpeg)?;
    if format != ImageFormat::Jpeg && looks_drawn(image) {
        let png = encode(image, ImageKind::Png)?;
        if png.len() as u64 * 2 <= jpeg.len() as u64 * LOSSLESS_HALVES_MAX {
            return Ok((ImageKind::Png, png));
        }
    }
    Ok((ImageKind::Jpeg, jpeg))
}

/// Returns whether a lossless encoding is worth trying: few colours, or many pixels that equal the one before.
fn looks_drawn(image: &DynamicImage) -> bool {
    let channels = usize::from(image.color().channel_count());
    let mut colors = FxHashSet::default();
    let (mut all, mut same, mut before) = (0_u64, 0_u64, None);
    for pixel in image.as_bytes().chunks_exact(channels) {
        all += 1;
        if before == Some(pixel) {
            same += 1;
        } else if colors.len() <= DRAWN_COLORS_MAX {
            colors.insert(pixel);
        }
        before = Some(pixel);
    }
    colors.len() <= DRAWN_COLORS_MAX || same * DRAWN_SAME_PART >= all
}

/// Returns the size of the thumbnail: the square in the middle for a profile, the shape of the image for a post.
fn thumbnail_size(width: u32, height: u32, purpose: Purpose) -> (u32, u32) {
    let side_max = purpose.thumbnail_side_max();
    match purpose {
        Purpose::Profile => {
            let side = side_max.min(width).min(height);
            (side, side)
        }
        Purpose::Post => scaled_to_fit(width, height, side_max),
    }
}

/// Creates a decoder whose limits hold before it allocates.
fn decoder(upload: &[u8], format: ImageFormat) -> ImageResult<impl ImageDecoder + '_> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(IMAGE_SIDE_MAX);
    limits.max_image_height = Some(IMAGE_SIDE_MAX);
    limits.max_alloc = Some(if format == ImageFormat::Png { METADATA_BYTES_MAX } else { FRAME_BYTES_MAX });
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    reader.limits(limits);
    reader.into_decoder()
}

/// Adds the missing end marker to a JPEG. `None` if pixels are missing too, which the decoder would fill with grey.
///
/// No pixel is missing if two different continuations after the last byte decode to the same pixels.
fn with_end(jpeg: &[u8]) -> Option<Vec<u8>> {
    // A last 0xFF is the first byte of a truncated marker.
    let jpeg = jpeg.strip_suffix(b"\xFF").unwrap_or(jpeg);
    let followed_by = |byte: u8| [jpeg, &[byte; ENDING_BYTES], &[0xFF, END]].concat();
    let pixels = |jpeg: &[u8]| {
        let image = DynamicImage::from_decoder(decoder(jpeg, ImageFormat::Jpeg).ok()?).ok()?;
        Some(digest(&SHA256, image.as_bytes()))
    };
    let (completed, other) = (followed_by(0x00), followed_by(0xAA));
    if pixels(&completed)?.as_ref() == pixels(&other)?.as_ref() { Some(completed) } else { None }
}

/// Returns whether a JPEG has its end-of-image marker.
fn has_end(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    loop {
        // Pixels lie between the markers; in pixels, FF is followed by 00 or by a restart marker.
        let marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0x01 | 0xD0..=0xD7 | 0xFF);
        let Some(index) = rest.windows(2).position(marker) else { return false };
        let after = &rest[index + 2..];
        if rest[index + 1] == END {
            return true;
        }
        let Some(length) = after.first_chunk::<2>().copied().map(u16::from_be_bytes) else { return false };
        let Some(next) = after.get(usize::from(length)..) else { return false };
        rest = next;
    }
}

/// Scales the source to both sizes, cropped to the middle if the shape differs.
///
/// Multiplies the colours of the source by alpha in place, because a copy of 40 megapixels would be another 160 MB.
fn scale(source: &mut DynamicImage, sizes: [(u32, u32); 2]) -> Result<[DynamicImage; 2], Refusal> {
    let same = (source.width(), source.height());
    let unscaled = sizes.map(|size| (size == same).then(|| source.clone()));
    let has_alpha = source.color().has_alpha();
    let alpha = MulDiv::new();
    if has_alpha {
        alpha.multiply_alpha_inplace(source).map_err(|_| Refusal::ImageCorrupted)?;
    }
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .fit_into_destination(Some((0.5, 0.5)))
        .use_alpha(false);
    let mut resizer = Resizer::new();
    let mut resized = |(width, height), unscaled: Option<DynamicImage>| -> Result<DynamicImage, Refusal> {
        if let Some(unscaled) = unscaled {
            return Ok(unscaled);
        }
        let mut out = DynamicImage::new(width, height, source.color());
        resizer.resize(&*source, &mut out, &options).map_err(|_| Refusal::ImageCorrupted)?;
        if has_alpha {
            alpha.divide_alpha_inplace(&mut out).map_err(|_| Refusal::ImageCorrupted)?;
        }
        Ok(out)
    };
    let [original, thumbnail] = unscaled;
    Ok([resized(sizes[0], original)?, resized(sizes[1], thumbnail)?])
}

fn is_opaque(image: &DynamicImage) -> bool {
    !image.color().has_alpha() || image.to_rgba8().pixels().all(|pixel| pixel.0[3] == u8::MAX)
}

/// Converts to eight bits per channel, without an alpha channel for an opaque image.
fn to_eight_bits(image: DynamicImage, transparent: bool) -> DynamicImage {
    match (image.color().has_color(), transparent) {
        (true, true) => image.into_rgba8().into(),
        (true, false) => image.into_rgb8().into(),
        (false, true) => image.into_luma_alpha8().into(),
        (false, false) => image.into_luma8().into(),
    }
}

fn encode(image: &DynamicImage, kind: ImageKind) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    let (pixels, width, height, colors) = (image.as_bytes(), image.width(), image.height(), image.color().into());
    let written = match kind {
        ImageKind::Jpeg => {
            JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY).write_image(pixels, width, height, colors)
        }
        ImageKind::Png => PngEncoder::new(&mut out).write_image(pixels, width, height, colors),
    };
    written.map_err(refusal)?;
    Ok(out.into())
}

fn refusal(error: ImageError) -> Refusal {
    match error {
        ImageError::Limits(_) => Refusal::ImageTooLarge,
        ImageError::Unsupported(_) => Refusal::ImageUnsupported,
        _ => Refusal::ImageCorrupted,
    }
}
