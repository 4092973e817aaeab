//! Members, read. Everything but logins leaves out those who have left.
use super::{Sqlite, failed, images, json_ids, member_relations::privacy, number, signed};
use crate::{
    domain::{
        Avatar, Deadline, ImageId, Member, MemberCard, MemberCounts, MemberId, Profile, Recommendation, Timestamp,
    },
    storage::{Credentials, Listed, Recommended, StoreResult},
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

pub(super) const CREDENTIALS_BY_EMAIL: &str =
    "SELECT id, password_hash, deactivated_at, email_key FROM members WHERE email_key = ?";
pub(super) const CREDENTIALS_BY_ID: &str =
    "SELECT id, password_hash, deactivated_at, email_key FROM members WHERE id = CAST(? AS INTEGER)";
/// What keeps member `m` from being recommended to `?1`: anything that stands between the two already.
macro_rules! known {
    () => {
        "EXISTS (SELECT 1 FROM follows WHERE follower_id = ?1 AND followee_id = m.id) \
        OR EXISTS (SELECT 1 FROM follow_requests WHERE requester_id = ?1 AND target_id = m.id) \
        OR EXISTS (SELECT 1 FROM blocks WHERE member_id = ?1 AND blocked_id = m.id) \
        OR EXISTS (SELECT 1 FROM blocks WHERE member_id = m.id AND blocked_id = ?1) \
        OR EXISTS (SELECT 1 FROM mutes WHERE member_id = ?1 AND muted_id = m.id \
        AND (expires_at IS NULL OR expires_at > unixepoch() * 1000))"
    };
}

const NEWEST: &str = concat!(
    "SELECT m.id, m.handle, m.display_name, m.member_name, m.avatar_id, m.avatar_key, 0 AS common FROM members m \
    WHERE m.id < ?3 AND m.id <> ?1 AND m.deactivated_at IS NULL AND ?2 >= 0 \
    AND NOT (",
    known!(),
    ") ORDER BY m.id DESC LIMIT ?4"
);
/// How many follows of those whom the viewer follows are counted. Beyond it, those whom the viewer has followed
/// longest are left out: a viewer of 1,000 followings with 1,000 each would have a million rows sorted for every page.
macro_rules! network_rows_max {
    () => {
        "250000"
    };
}

const NETWORK: &str = concat!(
    "SELECT m.id, m.handle, m.display_name, m.member_name, m.avatar_id, m.avatar_key, f.common FROM \
    (SELECT theirs.followee_id AS member, count(*) AS common FROM \
    (SELECT friend.id, sum(friend.following_count) OVER (ORDER BY f.id DESC) AS follows FROM follows f \
    JOIN members friend ON friend.id = f.followee_id AND friend.deactivated_at IS NULL WHERE f.follower_id = ?1) mine \
    JOIN follows theirs ON theirs.follower_id = mine.id WHERE mine.follows <= ",
    network_rows_max!(),
    " GROUP BY theirs.followee_id) f JOIN members m ON m.id = f.member WHERE m.id <> ?1 \
    AND m.deactivated_at IS NULL AND (f.common < ?2 OR f.common = ?2 AND m.id < ?3) \
    AND NOT (",
    known!(),
    ") ORDER BY f.common DESC, m.id DESC LIMIT ?4"
);

pub(super) fn card(row: &SqliteRow) -> MemberCard {
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

pub(super) fn listed_card(row: &SqliteRow) -> Listed<MemberCard> {
    Listed { place: number(row.get("place")), item: card(row) }
}

pub(super) fn member(row: &SqliteRow) -> sqlx::Result<Member> {
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

pub(super) async fn by_id(connection: &mut SqliteConnection, id: MemberId) -> StoreResult<Option<Member>> {
    let select = "SELECT * FROM members WHERE id = ? AND deactivated_at IS NULL";
    let row = sqlx::query(select).bind(signed(id.0)).fetch_optional(connection).await.map_err(failed)?;
    row.map(|row| member(&row)).transpose().map_err(failed)
}

impl Sqlite {
    pub(super) async fn one_member_by_handle(&self, key: &str) -> StoreResult<Option<Member>> {
        let select = "SELECT * FROM members WHERE handle_key = ? AND deactivated_at IS NULL";
        let row = sqlx::query(select).bind(key).fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| member(&row)).transpose().map_err(failed)
    }

    pub(super) async fn one_credentials(&self, select: &'static str, key: &str) -> StoreResult<Option<Credentials>> {
        let row = sqlx::query(select).bind(key).fetch_optional(&self.readers).await.map_err(failed)?;
        Ok(row.map(|row| Credentials {
            member: MemberId(number(row.get(0))),
            password_hash: row.get(1),
            deactivated_at: row.get::<Option<i64>, _>(2).map(Timestamp),
            email_key: row.get(3),
        }))
    }

    pub(super) async fn cards_by_id(&self, ids: &[MemberId]) -> StoreResult<Vec<MemberCard>> {
        let select = "SELECT m.id, handle, display_name, member_name, avatar_id, avatar_key FROM json_each(?) j \
            JOIN members m ON m.id = j.value WHERE deactivated_at IS NULL";
        let query = sqlx::query(select).bind(json_ids(ids.iter().map(|id| id.0)));
        Ok(query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(card).collect())
    }

    pub(super) async fn cards_by_handle_key(&self, keys: &[String]) -> StoreResult<Vec<MemberCard>> {
        let select = "SELECT m.id, handle, display_name, member_name, avatar_id, avatar_key FROM json_each(?) j \
            JOIN members m ON m.handle_key = j.value WHERE deactivated_at IS NULL";
        let keys = serde_json::to_string(keys).map_err(failed)?;
        let rows = sqlx::query(select).bind(keys).fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.iter().map(card).collect())
    }

    pub(super) async fn recommended(
        &self,
        viewer: MemberId,
        how: Recommendation,
        after: Option<[u64; 2]>,
        limit: usize,
        until: &Deadline,
    ) -> StoreResult<Vec<Recommended>> {
        let [common, id] = after.unwrap_or([u64::MAX, u64::MAX]);
        let select = match how {
            Recommendation::Newest => NEWEST,
            Recommendation::Network => NETWORK,
        };
        let query =
            sqlx::query(select).bind(signed(viewer.0)).bind(signed(common)).bind(signed(id)).bind(signed(limit as u64));
        let rows = self.lane.fetch_all(query, until).await?;
        let recommended =
            |row: &SqliteRow| Recommended { member: card(row), common_follows: number(row.get("common")) };
        Ok(rows.iter().map(recommended).collect())
    }

    pub(super) async fn deactivated_members(&self) -> StoreResult<Vec<MemberId>> {
        let select = "SELECT id FROM members WHERE deactivated_at IS NOT NULL";
        let rows = sqlx::query(select).fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.iter().map(|row| MemberId(number(row.get(0)))).collect())
    }

    pub(super) async fn greatest_id(&self) -> StoreResult<u64> {
        let select = "SELECT max(id) FROM (SELECT max(id) AS id FROM members UNION ALL SELECT max(id) FROM follows \
            UNION ALL SELECT max(id) FROM sessions UNION ALL SELECT max(id) FROM posts UNION ALL \
            SELECT max(id) FROM post_likes UNION ALL SELECT max(id) FROM comments UNION ALL \
            SELECT max(id) FROM comment_likes UNION ALL SELECT max(id) FROM blocks UNION ALL \
            SELECT max(id) FROM mutes UNION ALL SELECT max(id) FROM follow_requests \
            UNION ALL SELECT max(id) FROM images UNION ALL SELECT max(session_id) FROM revocations \
            UNION ALL SELECT max(before_session) FROM member_revocations)";
        let row = sqlx::query(select).fetch_one(&self.readers).await.map_err(failed)?;
        Ok(number(row.get::<Option<i64>, _>(0).unwrap_or(0)))
    }
}
