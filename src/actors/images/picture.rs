//! One upload made anew: told by its first bytes, measured, decoded, fitted, turned, encoded. What is stored is made of
//! pixels alone, so nothing else that was in the file survives. Slow, so it is run on threads of its own.
use super::colors::Colors;
use crate::domain::{IMAGE_PIXELS_MAX, IMAGE_SIDE_MAX, ImageKind, Purpose, Refusal, fits, fitted};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use fast_image_resize::{FilterType, MulDiv, ResizeAlg, ResizeOptions, Resizer};
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use rustc_hash::FxHashSet;
use std::io::Cursor;

/// Of 100. Above it files grow faster than anybody sees why.
const JPEG_QUALITY: u8 = 85;
/// How large a drawing without loss may be, in halves of the JPEG.
const LOSSLESS_HALVES_MAX: u64 = 3;
/// Colours of a drawing...
const DRAWN_COLORS_MAX: usize = 256;
/// ...or that part of its pixels, a fourth, are like the one before; of a photo hardly any are.
const DRAWN_SAME_PART: u64 = 4;
/// The last marker of a JPEG.
const END: u8 = 0xD9;
/// Bytes behind a JPEG without its end: more than a decoder reads ahead.
const ENDING_BYTES: usize = 64;
/// Bytes of a PNG's colour profile and texts, unpacked. They are read before the pixels, and may be bombs themselves.
const METADATA_BYTES_MAX: u64 = 16 << 20;
/// Bytes that a decoder may ask for beside the pixels: a GIF's first frame may be as large as the whole again.
const FRAME_BYTES_MAX: u64 = IMAGE_PIXELS_MAX * 4;

/// What is known of an upload before any pixel is decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    format: ImageFormat,
    pixels: u64,
}

impl Measured {
    /// Rounded up. At most 40.
    pub(super) fn megapixels(self) -> u32 {
        u32::try_from(self.pixels.div_ceil(1_000_000)).unwrap_or(u32::MAX)
    }
}

/// What was made of an upload.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) kind: ImageKind,
    pub(super) original: Bytes,
    pub(super) thumbnail: Bytes,
}

/// Reads the header alone. Refuses `ImageEmpty`, `ImageUnsupported`, `ImageTooLarge`, `ImageCorrupted`.
pub(super) fn measure(upload: &[u8]) -> Result<Measured, Refusal> {
    if upload.is_empty() {
        return Err(Refusal::ImageEmpty);
    }
    use ImageFormat as F;
    // What the request says of the format is not asked.
    let format = image::guess_format(upload).ok();
    let taken = |format: &ImageFormat| matches!(format, F::Jpeg | F::Png | F::WebP | F::Gif | F::Bmp);
    let format = format.filter(taken).ok_or(Refusal::ImageUnsupported)?;
    let (width, height) = decoder(upload, format).map_err(refusal)?.dimensions();
    if !fits(width, height) {
        return Err(Refusal::ImageTooLarge);
    }
    if width == 0 || height == 0 {
        return Err(Refusal::ImageCorrupted);
    }
    Ok(Measured { format, pixels: u64::from(width) * u64::from(height) })
}

/// Makes both variants. Only the first frame of an animation is looked at. Refuses what [`measure`] refuses.
pub(super) fn make(upload: &[u8], measured: Measured, purpose: Purpose) -> Result<Made, Refusal> {
    if measured.format != ImageFormat::Jpeg || has_end(upload) {
        return make_whole(upload, measured, purpose);
    }
    let completed = ended(upload).ok_or(Refusal::ImageCorrupted)?;
    make_whole(&completed, measured, purpose)
}

fn make_whole(upload: &[u8], measured: Measured, purpose: Purpose) -> Result<Made, Refusal> {
    let mut decoder = decoder(upload, measured.format).map_err(refusal)?;
    let colors = decoder.icc_profile().ok().flatten().and_then(|profile| Colors::of(&profile));
    // One that cannot be read says nothing.
    let orientation = decoder.orientation().ok();
    let mut source = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    let (width, height) = (source.width(), source.height());
    let (of_original, of_thumbnail) = (fitted(width, height, purpose.side_max()), of_thumbnail(width, height, purpose));
    let mut made = fit(&mut source, [of_original, of_thumbnail])?;
    drop(source);
    if let Some(orientation) = orientation {
        made.iter_mut().for_each(|variant| variant.apply_orientation(orientation));
    }
    let seen_through = !is_opaque(&made[0]);
    let [original, thumbnail] = made.map(|variant| {
        let variant = eight_bits(variant, seen_through);
        match &colors {
            Some(colors) => colors.to_srgb(variant),
            None => variant,
        }
    });
    let (width, height) = (original.width(), original.height());
    let (kind, original) = if seen_through {
        (ImageKind::Png, encoded(&original, ImageKind::Png)?)
    } else {
        smaller(&original, measured.format)?
    };
    let thumbnail = encoded(&thumbnail, kind)?;
    Ok(Made { width, height, kind, original, thumbnail })
}

/// A JPEG; but what came without loss and looks like a drawing or a screen stays without, where that costs little.
fn smaller(image: &DynamicImage, format: ImageFormat) -> Result<(ImageKind, Bytes), Refusal> {
    let jpeg = encoded(image, ImageKind::Jpeg)?;
    if format != ImageFormat::Jpeg && looks_drawn(image) {
        let png = encoded(image, ImageKind::Png)?;
        if png.len() as u64 * 2 <= jpeg.len() as u64 * LOSSLESS_HALVES_MAX {
            return Ok((ImageKind::Png, png));
        }
    }
    Ok((ImageKind::Jpeg, jpeg))
}

/// Whether it is worth to try and keep the image without loss: few colours, or many pixels like the one before.
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

/// A profile's is the square in the middle, a post's has the shape of the whole.
fn of_thumbnail(width: u32, height: u32, purpose: Purpose) -> (u32, u32) {
    let side_max = purpose.thumbnail_side_max();
    match purpose {
        Purpose::Profile => {
            let side = side_max.min(width).min(height);
            (side, side)
        }
        Purpose::Post => fitted(width, height, side_max),
    }
}

/// With limits that hold before anything is allocated.
fn decoder(upload: &[u8], format: ImageFormat) -> ImageResult<impl ImageDecoder + '_> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(IMAGE_SIDE_MAX);
    limits.max_image_height = Some(IMAGE_SIDE_MAX);
    limits.max_alloc = Some(if format == ImageFormat::Png { METADATA_BYTES_MAX } else { FRAME_BYTES_MAX });
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    reader.limits(limits);
    reader.into_decoder()
}

/// A JPEG whose end marker is missing, with one; none where pixels are missing too, which the decoder would fill up with
/// grey. All pixels are there when they come out the same, whatever follows the last byte.
fn ended(jpeg: &[u8]) -> Option<Vec<u8>> {
    // Half of a marker.
    let jpeg = jpeg.strip_suffix(b"\xFF").unwrap_or(jpeg);
    let followed_by = |byte: u8| [jpeg, &[byte; ENDING_BYTES], &[0xFF, END]].concat();
    let pixels = |jpeg: &[u8]| {
        let image = DynamicImage::from_decoder(decoder(jpeg, ImageFormat::Jpeg).ok()?).ok()?;
        Some(digest(&SHA256, image.as_bytes()))
    };
    let one = followed_by(0x00);
    let (of_one, of_other) = (pixels(&one)?, pixels(&followed_by(0xAA))?);
    (of_one.as_ref() == of_other.as_ref()).then_some(one)
}

/// Whether the end-of-image marker comes.
fn has_end(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    loop {
        // Between the markers lie pixels, in which FF is followed by 00 or by a restart.
        let marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0x01 | 0xD0..=0xD7 | 0xFF);
        let Some(at) = rest.windows(2).position(marker) else { return false };
        let after = &rest[at + 2..];
        if rest[at + 1] == END {
            return true;
        }
        let Some(length) = after.first_chunk::<2>().copied().map(u16::from_be_bytes) else { return false };
        let Some(next) = after.get(usize::from(length)..) else { return false };
        rest = next;
    }
}

/// The source in both sizes, cut in the middle where the shape is another. Colours are weighed by how much is seen of
/// them, in place: a weighed copy of 40 megapixels would be another 160 MB.
fn fit(source: &mut DynamicImage, sizes: [(u32, u32); 2]) -> Result<[DynamicImage; 2], Refusal> {
    let same = (source.width(), source.height());
    let whole = sizes.map(|size| (size == same).then(|| source.clone()));
    let seen_through = source.color().has_alpha();
    let weigher = MulDiv::new();
    if seen_through {
        weigher.multiply_alpha_inplace(source).map_err(|_| Refusal::ImageCorrupted)?;
    }
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .fit_into_destination(Some((0.5, 0.5)))
        .use_alpha(false);
    let mut resizer = Resizer::new();
    let mut resized = |(width, height), whole: Option<DynamicImage>| -> Result<DynamicImage, Refusal> {
        if let Some(whole) = whole {
            return Ok(whole);
        }
        let mut out = DynamicImage::new(width, height, source.color());
        resizer.resize(&*source, &mut out, &options).map_err(|_| Refusal::ImageCorrupted)?;
        if seen_through {
            weigher.divide_alpha_inplace(&mut out).map_err(|_| Refusal::ImageCorrupted)?;
        }
        Ok(out)
    };
    let [of_original, of_thumbnail] = whole;
    Ok([resized(sizes[0], of_original)?, resized(sizes[1], of_thumbnail)?])
}

fn is_opaque(image: &DynamicImage) -> bool {
    !image.color().has_alpha() || image.to_rgba8().pixels().all(|pixel| pixel.0[3] == u8::MAX)
}

/// Eight bits a colour, whatever it came with, and no alpha where nothing is seen through.
fn eight_bits(image: DynamicImage, seen_through: bool) -> DynamicImage {
    match (image.color().has_color(), seen_through) {
        (true, true) => image.into_rgba8().into(),
        (true, false) => image.into_rgb8().into(),
        (false, true) => image.into_luma_alpha8().into(),
        (false, false) => image.into_luma8().into(),
    }
}

fn encoded(image: &DynamicImage, kind: ImageKind) -> Result<Bytes, Refusal> {
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
