//! Images: their URLs, size and type.
use crate::{
    domain::{Avatar, ImageDescription, Picture, Variant},
    http::contract::ImageType,
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The URL of an image's variant, with the image's key. Relative to the server.
pub(super) struct ImageUrl(Avatar, Variant);

impl ImageUrl {
    /// The URL of a member's avatar.
    pub(super) fn avatar(avatar: Avatar) -> Self {
        Self(avatar, Variant::Thumbnail)
    }
}

impl Serialize for ImageUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Avatar { id, key } = self.0;
        match self.1 {
            Variant::Original => serializer.collect_str(&format_args!("/api/images/{id}?key={key}")),
            Variant::Thumbnail => serializer.collect_str(&format_args!("/api/images/{id}?variant=thumbnail&key={key}")),
        }
    }
}

/// An image and the URLs of its two variants.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Image, examples(json!({
    "id": 7288591360000128_u64, "url": "/api/images/7288591360000128?key=9f2c0d5e8b7a41c6935e1f0a7d4b2c88",
    "thumbnailUrl": "/api/images/7288591360000128?variant=thumbnail&key=9f2c0d5e8b7a41c6935e1f0a7d4b2c88",
    "width": 2048, "height": 1536,
    "contentType": "image/jpeg", "description": "한강 다리 위의 저녁 하늘",
})))]
pub(in crate::http) struct ImageView<'a> {
    id: u64,
    /// Opaque. It contains the key of the image: any client that has the URL can fetch the image until it is deleted.
    #[schema(value_type = String, format = "uri-reference")]
    url: ImageUrl,
    /// The URL of the thumbnail; otherwise like `url`.
    #[schema(value_type = String, format = "uri-reference")]
    thumbnail_url: ImageUrl,
    /// Width of the original in pixels.
    width: u32,
    /// Height of the original in pixels.
    height: u32,
    /// The type of both variants.
    #[schema(value_type = ImageType)]
    content_type: &'static str,
    /// The content of the image, in words; null if its owner wrote none.
    #[schema(max_length = 1500, required = true)]
    description: Option<&'a str>,
}

impl<'a> From<&'a Picture> for ImageView<'a> {
    fn from(picture: &'a Picture) -> Self {
        let Picture { id, key, width, height, kind, ref description } = *picture;
        let at = Avatar { id, key };
        let description = description.as_ref().map(ImageDescription::as_str);
        let (url, thumbnail_url) = (ImageUrl(at, Variant::Original), ImageUrl(at, Variant::Thumbnail));
        Self { id: id.0, url, thumbnail_url, width, height, content_type: kind.media_type(), description }
    }
}
