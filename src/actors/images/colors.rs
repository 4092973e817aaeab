//! `Colors`: converts the pixels of an image with a colour profile (Display P3, Adobe RGB, ...) to sRGB, which every
//! screen shows.
//!
//! A profile consists of tables and curves from an untrusted source. An image whose profile is unreadable, too large or
//! of another colour space than its pixels is treated as sRGB.
use image::DynamicImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, ParsingOptions, ToneReprCurve, TransformOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of a profile; larger ones are for printers. PNG and WebP compress profiles, so the size of the upload does not
/// bound them.
const PROFILE_BYTES_MAX: usize = 4 << 20;
/// Samples in one table of a profile, which bounds the time to prepare the conversion.
const TABLE_MAX: usize = 1 << 20;

/// A readable colour profile.
pub(super) struct Colors(ColorProfile);

impl Colors {
    /// Reads an embedded profile. `None` if the profile is unreadable or too large.
    pub(super) fn read(profile: &[u8]) -> Option<Self> {
        let options = ParsingOptions {
            max_profile_size: PROFILE_BYTES_MAX,
            max_allowed_clut_size: TABLE_MAX,
            max_allowed_trc_size: TABLE_MAX,
        };
        // A panic in the library means an unreadable profile.
        let read = catch_unwind(|| ColorProfile::new_from_slice_with_options(profile, options));
        let profile = read.ok()?.ok()?;
        Some(Self(profile))
    }

    /// Converts an image of eight bits per channel to sRGB; returns it unchanged if the profile does not fit it.
    pub(super) fn to_srgb(&self, mut image: DynamicImage) -> DynamicImage {
        let converted = match &mut image {
            DynamicImage::ImageRgb8(pixels) => self.convert(DataColorSpace::Rgb, Layout::Rgb, 3, pixels),
            DynamicImage::ImageRgba8(pixels) => self.convert(DataColorSpace::Rgb, Layout::Rgba, 4, pixels),
            DynamicImage::ImageLuma8(pixels) => self.convert(DataColorSpace::Gray, Layout::Gray, 1, pixels),
            DynamicImage::ImageLumaA8(pixels) => self.convert(DataColorSpace::Gray, Layout::GrayAlpha, 2, pixels),
            _ => None,
        };
        if converted.is_none() {
            tracing::debug!("cannot convert the colors of an image: its profile does not fit");
        }
        image
    }

    /// Converts in chunks, so that memory holds no second copy of the pixels. `None` if the profile does not fit.
    fn convert(&self, space: DataColorSpace, layout: Layout, channels: usize, pixels: &mut [u8]) -> Option<()> {
        if self.0.color_space != space {
            return None;
        }
        let target = match space {
            DataColorSpace::Gray => grey_srgb(),
            _ => ColorProfile::new_srgb(),
        };
        let prepare = || self.0.create_transform_8bit(layout, &target, layout, TransformOptions::default());
        let transform = catch_unwind(AssertUnwindSafe(prepare)).ok()?.ok()?;
        // A profile fits every chunk or none, so no image is converted in part.
        let mut source = vec![0; 4_096 * channels];
        for chunk in pixels.chunks_mut(source.len()) {
            let source = &mut source[..chunk.len()];
            source.copy_from_slice(chunk);
            catch_unwind(AssertUnwindSafe(|| transform.transform(source, chunk))).ok()?.ok()?;
        }
        Some(())
    }
}

/// Returns a grey profile with the tone curve of sRGB.
fn grey_srgb() -> ColorProfile {
    let mut grey = ColorProfile::new_gray_with_gamma(2.2);
    // The tone curve of IEC 61966-2-1.
    grey.gray_trc = Some(ToneReprCurve::Parametric(vec![2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045]));
    grey
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};
    use proptest::prelude::*;

    fn one(color: [u8; 3]) -> DynamicImage {
        RgbImage::from_pixel(3, 2, Rgb(color)).into()
    }

    fn converted(profile: &ColorProfile, color: [u8; 3]) -> [u8; 3] {
        let colors = Colors::read(&profile.encode().unwrap()).unwrap();
        colors.to_srgb(one(color)).to_rgb8().get_pixel(1, 1).0
    }

    fn near(color: [u8; 3], expected: [u8; 3]) {
        let far = color.iter().zip(expected).any(|(one, other)| one.abs_diff(other) > 3);
        assert!(!far, "{color:?} is not {expected:?}");
    }

    #[test]
    fn colors_of_wide_profiles_become_srgb() {
        // The sRGB primaries in Display P3 and Adobe RGB, calculated by hand from the primaries of each.
        let (p3, adobe) = (ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb());
        near(converted(&p3, [234, 51, 35]), [255, 0, 0]);
        near(converted(&p3, [117, 251, 76]), [0, 255, 0]);
        near(converted(&adobe, [219, 0, 0]), [255, 0, 0]);
        for grey in [0, 128, 255] {
            near(converted(&p3, [grey; 3]), [grey; 3]);
        }
        near(converted(&ColorProfile::new_srgb(), [200, 100, 50]), [200, 100, 50]);
    }

    #[test]
    fn a_profile_of_another_color_space_changes_nothing() {
        let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        assert_eq!(Colors::read(&grey).unwrap().to_srgb(one([9, 99, 199])), one([9, 99, 199]));
        let luma = DynamicImage::from(one([100; 3]).to_luma8());
        let wide = ColorProfile::new_display_p3().encode().unwrap();
        assert_eq!(Colors::read(&wide).unwrap().to_srgb(luma.clone()), luma);
        let brighter = Colors::read(&grey).unwrap().to_srgb(luma).to_luma8().get_pixel(0, 0).0[0];
        assert!(brighter > 150, "{brighter}");
    }

    #[test]
    fn an_unreadable_profile_is_ignored() {
        let whole = ColorProfile::new_adobe_rgb().encode().unwrap();
        for cut in [0, 3, 127, 128, 131, 200, whole.len() / 2] {
            let _ = Colors::read(&whole[..cut]).map(|colors| colors.to_srgb(one([1, 2, 3])));
        }
        assert!(Colors::read(&[whole.as_slice(), &vec![0; PROFILE_BYTES_MAX]].concat()).is_none());
        assert!(Colors::read(b"").is_none() && Colors::read(&[0xFF; 5_000]).is_none());
    }

    proptest! {
        #[test]
        fn no_profile_causes_a_panic(changes in prop::collection::vec((0usize..700, any::<u8>()), 1..30)) {
            let mut profile = ColorProfile::new_adobe_rgb().encode().unwrap();
            for (index, byte) in changes {
                let index = index % profile.len();
                profile[index] = byte;
            }
            let _ = Colors::read(&profile).map(|colors| colors.to_srgb(one([1, 200, 3])));
        }
    }
}
