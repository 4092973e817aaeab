//! One upload made anew: told by its first bytes, measured, decoded, fitted, turned, encoded. What is stored is made of
//! pixels alone, so nothing else that was in the file survives. Slow, so it is run on threads of its own.
use crate::domain::{IMAGE_PIXELS_MAX, IMAGE_SIDE_MAX, ImageKind, Purpose, Refusal, fits, fitted};
use bytes::Bytes;
use fast_image_resize::{FilterType, MulDiv, ResizeAlg, ResizeOptions, Resizer};
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use std::io::Cursor;

/// Of 100. Above it files grow faster than anybody sees why.
const JPEG_QUALITY: u8 = 85;
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
    if width == 0 || height == 0 || format == F::Jpeg && !has_end(upload) {
        return Err(Refusal::ImageCorrupted);
    }
    Ok(Measured { format, pixels: u64::from(width) * u64::from(height) })
}

/// Makes both variants. Only the first frame of an animation is looked at. Refuses what [`measure`] refuses.
pub(super) fn make(upload: &[u8], measured: Measured, purpose: Purpose) -> Result<Made, Refusal> {
    let mut decoder = decoder(upload, measured.format).map_err(refusal)?;
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
    let [original, thumbnail] = made;
    let kind = if is_opaque(&original) { ImageKind::Jpeg } else { ImageKind::Png };
    let (width, height) = (original.width(), original.height());
    let (original, thumbnail) = (encoded(original, kind)?, encoded(thumbnail, kind)?);
    Ok(Made { width, height, kind, original, thumbnail })
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

/// Whether the end-of-image marker comes. The decoder would fill up with grey what a cut-off file does not say.
fn has_end(jpeg: &[u8]) -> bool {
    const END: u8 = 0xD9;
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

/// Eight bits a colour, whatever it came with.
fn encoded(image: DynamicImage, kind: ImageKind) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    let image = match (kind, image.color().has_color()) {
        (ImageKind::Png, _) => DynamicImage::from(image.into_rgba8()),
        (ImageKind::Jpeg, true) => DynamicImage::from(image.into_rgb8()),
        (ImageKind::Jpeg, false) => DynamicImage::from(image.into_luma8()),
    };
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
