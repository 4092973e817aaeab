//! Images: what is taken, what is made of it, and what is known of it afterwards.
use super::{FieldError, ImageId, MemberId, PostId, Reason, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

/// Bytes of an upload: a photo of a good camera fits, and what waits to be decoded stays small.
pub const IMAGE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Pixels of an upload. Decoding costs up to 12 bytes each, so this is what bounds the memory of it.
pub const IMAGE_PIXELS_MAX: u64 = 40_000_000;
/// Pixels of an upload's longer side. A filter's table grows with the side, so a line of 40 megapixels would cost
/// gigabytes where a square costs nothing.
pub const IMAGE_SIDE_MAX: u32 = 32_768;
/// Hours that an image may be on nothing before it is removed.
pub const IMAGE_UNUSED_HOURS: u64 = 24;
/// Images of one member that are on nothing yet. Enough for twenty posts in the making, and the disk stays whole.
pub const IMAGES_UNUSED_MAX: usize = 100;

/// What an image is for, which decides what is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A member's picture: fitted into 350 x 350, and the middle of it as 150 x 150.
    Profile,
    /// On a post: at most 2,048 pixels a side, and a preview of at most 600.
    Post,
}

impl Purpose {
    /// As written in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Post => "post",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Result<Self, FieldError> {
        let known = [Self::Profile, Self::Post].into_iter().find(|purpose| purpose.name() == name);
        known.ok_or(FieldError { field: "purpose", reason: Reason::UnknownValue })
    }

    /// The longest side of the image itself, in pixels. Smaller images stay as they are.
    pub fn side_max(self) -> u32 {
        match self {
            Self::Profile => 350,
            Self::Post => 2_048,
        }
    }

    /// The longest side of the small one.
    pub fn thumbnail_side_max(self) -> u32 {
        match self {
            Self::Profile => 150,
            Self::Post => 600,
        }
    }
}

/// Which of the two that were made of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Variant {
    Original,
    Thumbnail,
}

impl Variant {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Original, Self::Thumbnail];

    /// As written in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Thumbnail => "thumbnail",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Result<Self, FieldError> {
        let known = Self::ALL.into_iter().find(|variant| variant.name() == name);
        known.ok_or(FieldError { field: "variant", reason: Reason::UnknownValue })
    }
}

/// How images are kept, whatever they came as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// What hides nothing behind it.
    Jpeg,
    /// What is seen through somewhere.
    Png,
}

impl ImageKind {
    /// For `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// 128 random bits that an image's address holds: whoever has them may fetch the image. 32 hexadecimal digits where it
/// is written; never in a log.
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

/// An image's address: its id and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Avatar {
    /// The image.
    pub id: ImageId,
    /// Its key.
    pub key: ImageKey,
}

/// An image as a post shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The image.
    pub id: ImageId,
    /// Its key.
    pub key: ImageKey,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Of both variants.
    pub kind: ImageKind,
}

/// One variant as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// How many bytes.
    pub bytes: u64,
    /// Stands for these bytes and no others: hexadecimal digits.
    pub tag: String,
}

/// What is known of an image. Its bytes are kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What posts show.
    pub picture: Picture,
    /// Who uploaded it, and alone may use or delete it.
    pub owner: MemberId,
    /// What it was made for.
    pub purpose: Purpose,
    /// The post that it is on. An image is on one post at most.
    pub post: Option<PostId>,
    /// The image itself.
    pub original: ImageFile,
    /// The small one.
    pub thumbnail: ImageFile,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

impl Image {
    /// The file of a variant.
    pub fn file(&self, variant: Variant) -> &ImageFile {
        match variant {
            Variant::Original => &self.original,
            Variant::Thumbnail => &self.thumbnail,
        }
    }
}

/// Whether an upload of these dimensions is taken.
pub fn fits(width: u32, height: u32) -> bool {
    width.max(height) <= IMAGE_SIDE_MAX && u64::from(width) * u64::from(height) <= IMAGE_PIXELS_MAX
}

/// The dimensions after a fit into a square of that side: the shape stays, nothing grows, and no side becomes nothing.
pub fn fitted(width: u32, height: u32, side_max: u32) -> (u32, u32) {
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
    fn a_fit_keeps_the_shape_and_never_grows() {
        assert_eq!(fitted(4_000, 3_000, 2_048), (2_048, 1_536));
        assert_eq!(fitted(3_000, 4_000, 2_048), (1_536, 2_048));
        assert_eq!(fitted(2_048, 10, 2_048), (2_048, 10));
        assert_eq!(fitted(10, 20, 350), (10, 20));
        assert_eq!(fitted(30_000, 1, 350), (350, 1));
        assert_eq!(fitted(2_049, 2_049, 2_048), (2_048, 2_048));
    }

    #[test]
    fn neither_squares_nor_lines_are_taken_beyond_their_limit() {
        assert!(fits(8_000, 5_000) && fits(IMAGE_SIDE_MAX, 1));
        assert!(!fits(8_001, 5_000) && !fits(IMAGE_SIDE_MAX + 1, 1) && !fits(u32::MAX, u32::MAX));
    }

    #[test]
    fn a_key_is_kept_whole_and_not_logged() {
        let key = ImageKey(0x0123_4567_89ab_cdef);
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, "\"00000000000000000123456789abcdef\"");
        assert_eq!(serde_json::from_str::<ImageKey>(&json).unwrap(), key);
        assert!(serde_json::from_str::<ImageKey>("\"x\"").is_err());
        assert_eq!(format!("{key:?}"), "ImageKey(..)");
    }

    #[test]
    fn names_are_known_or_refused() {
        assert_eq!(Purpose::named("post"), Ok(Purpose::Post));
        assert_eq!(Variant::named("thumbnail"), Ok(Variant::Thumbnail));
        for bad in ["", "Post", "avatar"] {
            assert!(Purpose::named(bad).is_err() && Variant::named(bad).is_err(), "{bad}");
        }
    }
}
