//! Colours as every screen shows them: pixels of a picture with a colour profile (Display P3, Adobe RGB, ...) as sRGB.
//!
//! A profile is a program of a kind: tables and curves that were made by anybody. One that cannot be read, that is of
//! another colour space than the pixels, or that is too large is as good as none: sRGB is assumed.
use image::DynamicImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, ParsingOptions, ToneReprCurve, TransformOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of a profile: larger ones are for printers. PNG and WebP keep them packed, so this is not bounded by the upload.
const PROFILE_BYTES_MAX: usize = 4 << 20;
/// Samples of one of its tables, which bounds the time that it takes to prepare them.
const TABLE_MAX: usize = 1 << 20;

/// A profile that was read.
pub(super) struct Colors(ColorProfile);

impl Colors {
    /// Of an embedded profile; none where sRGB is to be assumed.
    pub(super) fn of(profile: &[u8]) -> Option<Self> {
        let options = ParsingOptions {
            max_profile_size: PROFILE_BYTES_MAX,
            max_allowed_clut_size: TABLE_MAX,
            max_allowed_trc_size: TABLE_MAX,
        };
        // A reader that panics has met a profile that it cannot read.
        let read = catch_unwind(|| ColorProfile::new_from_slice_with_options(profile, options));
        read.ok()?.ok().map(Self)
    }

    /// The image as sRGB, in eight bits a colour; as it is where the profile does not fit it.
    pub(super) fn to_srgb(&self, mut image: DynamicImage) -> DynamicImage {
        let changed = match &mut image {
            DynamicImage::ImageRgb8(pixels) => self.change(DataColorSpace::Rgb, Layout::Rgb, 3, pixels),
            DynamicImage::ImageRgba8(pixels) => self.change(DataColorSpace::Rgb, Layout::Rgba, 4, pixels),
            DynamicImage::ImageLuma8(pixels) => self.change(DataColorSpace::Gray, Layout::Gray, 1, pixels),
            DynamicImage::ImageLumaA8(pixels) => self.change(DataColorSpace::Gray, Layout::GrayAlpha, 2, pixels),
            _ => None,
        };
        if changed.is_none() {
            tracing::debug!("the color profile does not match the image");
        }
        image
    }

    /// Row by row, so that no second copy of the pixels is held.
    fn change(&self, space: DataColorSpace, layout: Layout, channels: usize, pixels: &mut [u8]) -> Option<()> {
        if self.0.color_space != space {
            return None;
        }
        let target = match space {
            DataColorSpace::Gray => grey_as_srgb(),
            _ => ColorProfile::new_srgb(),
        };
        let prepare = || self.0.create_transform_8bit(layout, &target, layout, TransformOptions::default());
        let transform = catch_unwind(AssertUnwindSafe(prepare)).ok()?.ok()?;
        // The same profile fits every row or none, so an image is never changed in part.
        let mut row = vec![0; 4_096 * channels];
        for piece in pixels.chunks_mut(row.len()) {
            let from = &mut row[..piece.len()];
            from.copy_from_slice(piece);
            catch_unwind(AssertUnwindSafe(|| transform.transform(from, piece))).ok()?.ok()?;
        }
        Some(())
    }
}

/// Greys with the curve of sRGB.
fn grey_as_srgb() -> ColorProfile {
    let mut grey = ColorProfile::new_gray_with_gamma(2.2);
    // The curve of IEC 61966-2-1.
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

    fn changed(profile: &ColorProfile, color: [u8; 3]) -> [u8; 3] {
        let colors = Colors::of(&profile.encode().unwrap()).unwrap();
        colors.to_srgb(one(color)).to_rgb8().get_pixel(1, 1).0
    }

    fn near(color: [u8; 3], expected: [u8; 3]) {
        let far = color.iter().zip(expected).any(|(one, other)| one.abs_diff(other) > 3);
        assert!(!far, "{color:?} is not {expected:?}");
    }

    #[test]
    fn wide_colors_become_those_of_srgb() {
        // By hand, from the primaries: a colour of sRGB as Display P3 and Adobe RGB say it.
        let (p3, adobe) = (ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb());
        near(changed(&p3, [234, 51, 35]), [255, 0, 0]);
        near(changed(&p3, [117, 251, 76]), [0, 255, 0]);
        near(changed(&adobe, [219, 0, 0]), [255, 0, 0]);
        for grey in [0, 128, 255] {
            near(changed(&p3, [grey; 3]), [grey; 3]);
        }
        near(changed(&ColorProfile::new_srgb(), [200, 100, 50]), [200, 100, 50]);
    }

    #[test]
    fn a_profile_of_other_pixels_changes_nothing() {
        let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        assert_eq!(Colors::of(&grey).unwrap().to_srgb(one([9, 99, 199])), one([9, 99, 199]));
        let luma = DynamicImage::from(one([100; 3]).to_luma8());
        let wide = ColorProfile::new_display_p3().encode().unwrap();
        assert_eq!(Colors::of(&wide).unwrap().to_srgb(luma.clone()), luma);
        let brighter = Colors::of(&grey).unwrap().to_srgb(luma).to_luma8().get_pixel(0, 0).0[0];
        assert!(brighter > 150, "{brighter}");
    }

    #[test]
    fn a_profile_that_is_none_is_left_alone() {
        let whole = ColorProfile::new_adobe_rgb().encode().unwrap();
        for cut in [0, 3, 127, 128, 131, 200, whole.len() / 2] {
            let _ = Colors::of(&whole[..cut]).map(|colors| colors.to_srgb(one([1, 2, 3])));
        }
        assert!(Colors::of(&[whole.as_slice(), &vec![0; PROFILE_BYTES_MAX]].concat()).is_none());
        assert!(Colors::of(b"").is_none() && Colors::of(&[0xFF; 5_000]).is_none());
    }

    proptest! {
        #[test]
        fn no_profile_makes_it_panic(at in prop::collection::vec((0usize..700, any::<u8>()), 1..30)) {
            let mut profile = ColorProfile::new_adobe_rgb().encode().unwrap();
            for (place, byte) in at {
                let place = place % profile.len();
                profile[place] = byte;
            }
            let _ = Colors::of(&profile).map(|colors| colors.to_srgb(one([1, 200, 3])));
        }
    }
}
