//! Images: the limits of uploads, the two variants that are made of each, and the stored metadata.
use super::{FieldError, ImageDescription, ImageId, MemberId, PostId, Reason, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

/// Maximum number of bytes of an upload: a photo of a good camera fits, and uploads that wait to be decoded need little
/// memory.
pub const IMAGE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Maximum number of pixels of an upload. Decoding takes up to 12 bytes per pixel, so this bounds its memory.
pub const IMAGE_PIXELS_MAX: u64 = 40_000_000;
/// Maximum number of pixels of the longer side of an upload. The table of the resize filter grows with the side: an
/// image of one line with 40 megapixels would need gigabytes.
pub const IMAGE_SIDE_MAX: u32 = 32_768;
/// Hours after which an unused image is deleted: one that no post or profile shows.
pub const IMAGE_UNUSED_HOURS: u64 = 24;
/// Maximum number of unused images of one member: enough for twenty drafts of posts, and it bounds the disk.
pub const IMAGES_UNUSED_MAX: usize = 100;

/// The purpose of an image, which decides the sizes of its variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A member's picture: at most 350 pixels a side, and a square thumbnail of 150 from its middle.
    Profile,
    /// An image of a post: at most 2,048 pixels a side, and a thumbnail of at most 600.
    Post,
}

impl Purpose {
    /// Returns the name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Post => "post",
        }
    }

    /// Parses the name in a request.
    pub fn named(name: &str) -> Result<Self, FieldError> {
        let known = [Self::Profile, Self::Post].into_iter().find(|purpose| purpose.name() == name);
        known.ok_or(FieldError { field: "purpose", reason: Reason::UnknownValue })
    }

    /// Returns the longest side of the original variant in pixels. Smaller images are not enlarged.
    pub fn side_max(self) -> u32 {
        match self {
            Self::Profile => 350,
            Self::Post => 2_048,
        }
    }

    /// Returns the longest side of the thumbnail in pixels.
    pub fn thumbnail_side_max(self) -> u32 {
        match self {
            Self::Profile => 150,
            Self::Post => 600,
        }
    }
}

/// One of the two variants that are made of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Variant {
    Original,
    Thumbnail,
}

impl Variant {
    /// Both variants.
    pub const ALL: [Self; 2] = [Self::Original, Self::Thumbnail];

    /// Returns the name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Thumbnail => "thumbnail",
        }
    }

    /// Parses the name in a request.
    pub fn named(name: &str) -> Result<Self, FieldError> {
        let known = Self::ALL.into_iter().find(|variant| variant.name() == name);
        known.ok_or(FieldError { field: "variant", reason: Reason::UnknownValue })
    }
}

/// The format in which an image is stored. Does not depend on the format of the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// For images without transparency.
    Jpeg,
    /// For images with transparency.
    Png,
}

impl ImageKind {
    /// Returns the value of `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// The capability to fetch an image: 128 random bits in its address, written as 32 hexadecimal digits. Never logged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ImageKey(pub u128);

impl fmt::Display for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImageKey(..)")
    }
}

impl Serialize for ImageKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(D::Error::custom)
    }
}

/// A member's picture: the id and the key of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Avatar {
    /// The image.
    pub id: ImageId,
    /// Its key.
    pub key: ImageKey,
}

/// An image as a post shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The image.
    pub id: ImageId,
    /// Its key.
    pub key: ImageKey,
    /// Width of the original variant in pixels.
    pub width: u32,
    /// Height of the original variant in pixels.
    pub height: u32,
    /// Format of both variants.
    pub kind: ImageKind,
    /// Its content, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<ImageDescription>,
}

/// The stored file of one variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// Its size in bytes.
    pub bytes: u64,
    /// A hash of the bytes for `ETag`, in hexadecimal digits.
    pub tag: String,
}

/// The metadata of an image. `ImageFileStore` stores its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The part that posts show.
    pub picture: Picture,
    /// The member who uploaded it: the only one who can use or delete it.
    pub owner: MemberId,
    /// The purpose it was uploaded for.
    pub purpose: Purpose,
    /// The post that shows it. An image is on one post at most.
    pub post: Option<PostId>,
    /// The original variant.
    pub original: ImageFile,
    /// The thumbnail.
    pub thumbnail: ImageFile,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

impl Image {
    /// Returns the file of a variant.
    pub fn file(&self, variant: Variant) -> &ImageFile {
        match variant {
            Variant::Original => &self.original,
            Variant::Thumbnail => &self.thumbnail,
        }
    }
}

/// Returns whether an upload of these dimensions is accepted.
pub fn fits_limits(width: u32, height: u32) -> bool {
    width.max(height) <= IMAGE_SIDE_MAX && u64::from(width) * u64::from(height) <= IMAGE_PIXELS_MAX
}

/// Scales dimensions down to fit into a square. Keeps the aspect ratio, never enlarges, and leaves every side at least
/// 1.
pub fn scaled_to_fit(width: u32, height: u32, side_max: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= side_max {
        return (width, height);
    }
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * u64::from(side_max) + u64::from(longest) / 2) / u64::from(longest);
        u32::try_from(rounded).unwrap_or(side_max).max(1)
    };
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_image_keeps_its_aspect_ratio_and_never_grows() {
        assert_eq!(scaled_to_fit(4_000, 3_000, 2_048), (2_048, 1_536));
        assert_eq!(scaled_to_fit(3_000, 4_000, 2_048), (1_536, 2_048));
        assert_eq!(scaled_to_fit(2_048, 10, 2_048), (2_048, 10));
        assert_eq!(scaled_to_fit(10, 20, 350), (10, 20));
        assert_eq!(scaled_to_fit(30_000, 1, 350), (350, 1));
        assert_eq!(scaled_to_fit(2_049, 2_049, 2_048), (2_048, 2_048));
    }

    #[test]
    fn uploads_beyond_the_limits_of_pixels_or_side_are_refused() {
        assert!(fits_limits(8_000, 5_000) && fits_limits(IMAGE_SIDE_MAX, 1));
        assert!(!fits_limits(8_001, 5_000) && !fits_limits(IMAGE_SIDE_MAX + 1, 1) && !fits_limits(u32::MAX, u32::MAX));
    }

    #[test]
    fn a_key_survives_json_and_is_not_logged() {
        let key = ImageKey(0x0123_4567_89ab_cdef);
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, "\"00000000000000000123456789abcdef\"");
        assert_eq!(serde_json::from_str::<ImageKey>(&json).unwrap(), key);
        assert!(serde_json::from_str::<ImageKey>("\"x\"").is_err());
        assert_eq!(format!("{key:?}"), "ImageKey(..)");
    }

    #[test]
    fn unknown_names_are_refused() {
        assert_eq!(Purpose::named("post"), Ok(Purpose::Post));
        assert_eq!(Variant::named("thumbnail"), Ok(Variant::Thumbnail));
        for bad in ["", "Post", "avatar"] {
            assert!(Purpose::named(bad).is_err() && Variant::named(bad).is_err(), "{bad}");
        }
    }
}
