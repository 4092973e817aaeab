//! Rows of the table `members`, decoded and encoded.
use crate::{
    domain::{Avatar, ImageId, Member, MemberCard, MemberCounts, MemberId, Privacy, Profile, Timestamp},
    storage::{
        Listed,
        sqlite::{images, number},
    },
};
use sqlx::{Row, sqlite::SqliteRow};

/// Decodes the columns `id, handle, display_name, member_name, avatar_id, avatar_key`.
pub(crate) fn card(row: &SqliteRow) -> MemberCard {
    let chosen: Option<String> = row.get("display_name");
    MemberCard {
        id: MemberId(number(row.get("id"))),
        handle: row.get("handle"),
        display_name: chosen.unwrap_or_else(|| row.get("member_name")),
        avatar: avatar(row.get("avatar_id"), row.get("avatar_key")),
    }
}

fn avatar(id: Option<i64>, key: Option<&[u8]>) -> Option<Avatar> {
    Some(Avatar { id: ImageId(number(id?)), key: images::key(key?)? })
}

/// Decodes a card and the column `key`.
pub(crate) fn listed_card(row: &SqliteRow) -> Listed<MemberCard> {
    Listed { key: number(row.get("key")), item: card(row) }
}

/// Decodes a whole row.
pub(crate) fn member(row: &SqliteRow) -> sqlx::Result<Member> {
    let decode = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    let gender: Option<String> = row.try_get("gender")?;
    let birth_date: Option<String> = row.try_get("birth_date")?;
    let birth_date = birth_date.map(|date| date.parse()).transpose();
    Ok(Member {
        id: MemberId(number(row.try_get("id")?)),
        email: row.try_get("email")?,
        handle: row.try_get("handle")?,
        profile: Profile {
            member_name: row.try_get("member_name")?,
            display_name: row.try_get("display_name")?,
            bio: row.try_get("bio")?,
            location: row.try_get("location")?,
            website_url: row.try_get("website_url")?,
            birth_date: birth_date.map_err(|error: jiff::Error| sqlx::Error::Decode(error.into()))?,
            gender: gender.map(|name| serde_json::from_value(name.into())).transpose().map_err(decode)?,
            language_code: row.try_get("language_code")?,
            country_code: row.try_get("country_code")?,
            timezone: row.try_get("timezone")?,
        },
        avatar: avatar(row.try_get("avatar_id")?, row.try_get("avatar_key")?),
        privacy: privacy(row.try_get("privacy")?),
        counts: MemberCounts {
            followers: number(row.try_get("follower_count")?),
            followings: number(row.try_get("following_count")?),
            posts: number(row.try_get("post_count")?),
        },
        created_at: Timestamp(row.try_get("created_at")?),
    })
}

/// Returns the values of the ten profile columns, in the order of `SET_PROFILE` and of the inserts.
pub(crate) fn profile_columns(profile: &Profile) -> [Option<String>; 10] {
    let gender = profile.gender.and_then(|gender| serde_json::to_value(gender).ok());
    [
        Some(profile.member_name.clone()),
        profile.display_name.clone(),
        profile.bio.clone(),
        profile.location.clone(),
        profile.website_url.clone(),
        profile.birth_date.map(|date| date.to_string()),
        gender.and_then(|gender| gender.as_str().map(str::to_owned)),
        profile.language_code.clone(),
        profile.country_code.clone(),
        profile.timezone.clone(),
    ]
}

/// Decodes the column `members.privacy`.
pub(crate) fn privacy(number: u8) -> Privacy {
    match number {
        0 => Privacy::Public,
        1 => Privacy::Followers,
        _ => Privacy::Private,
    }
}

/// Encodes the column `members.privacy`.
pub(crate) fn privacy_number(privacy: Privacy) -> u8 {
    match privacy {
        Privacy::Public => 0,
        Privacy::Followers => 1,
        Privacy::Private => 2,
    }
}
