//! The members role: who there is, and who follows whom.
use super::{Sqlite, commit::Commit, departure, failed, members_read, receipts, signed};
use crate::{
    domain::{
        EventKind, FOLLOWINGS_MAX, Fact, Handle, Member, MemberCard, MemberId, Outcome, Position, Privacy, Profile,
        ProfilePatch, Receipt, Recommendation, Refusal, Relation, Ties, Timestamp,
    },
    storage::{Credentials, Listed, MemberStore, NewMember, Recommended, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::SqliteConnection;

/// Columns of `members` in the order that `bind_profile` binds them.
const SET_PROFILE: &str = "UPDATE members SET member_name = ?, display_name = ?, bio = ?, location = ?, \
    website_url = ?, birth_date = ?, gender = ?, language_code = ?, country_code = ?, timezone = ? WHERE id = ?";

/// A profile as one JSON row: one parameter for ten columns.
pub(super) fn profile_columns(profile: &Profile) -> [Option<String>; 10] {
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

async fn exists(connection: &mut SqliteConnection, select: &'static str, key: &str) -> StoreResult<bool> {
    let row = sqlx::query(select).bind(key).fetch_optional(connection).await.map_err(failed)?;
    Ok(row.is_some())
}

async fn sign_up(commit: &mut Commit, new: NewMember, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>> {
    if let Some(receipt) = &receipt {
        if let Some(answer) = receipts::find(&mut commit.connection, receipt).await? {
            return Ok(Outcome::Repeated(answer));
        }
        receipts::insert(&mut commit.connection, receipt).await?;
    }
    let by_email = "SELECT 1 FROM members WHERE email_key = ?";
    if exists(&mut commit.connection, by_email, &new.email.key()).await? {
        return Err(Refusal::EmailTaken.into());
    }
    if exists(&mut commit.connection, "SELECT 1 FROM members WHERE handle_key = ?", &new.handle.key()).await? {
        return Err(Refusal::HandleTaken.into());
    }
    let insert = "INSERT INTO members (id, email, email_key, handle, handle_key, password_hash, created_at, \
        member_name, display_name, bio, location, website_url, birth_date, gender, language_code, country_code, \
        timezone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut query = sqlx::query(insert)
        .bind(signed(new.id.0))
        .bind(new.email.as_str())
        .bind(new.email.key())
        .bind(new.handle.as_str())
        .bind(new.handle.key())
        .bind(&new.password_hash)
        .bind(new.created_at.0);
    for column in profile_columns(&new.profile) {
        query = query.bind(column);
    }
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(Outcome::Done(commit.emit(Fact::new(EventKind::MemberSignedUp, new.id))))
}

async fn change_profile(commit: &mut Commit, member: MemberId, patch: ProfilePatch) -> StoreResult<Position> {
    let before = members_read::by_id(&mut commit.connection, member).await?.ok_or(Refusal::MemberNotFound)?;
    let profile = before.profile.patched(patch).map_err(Refusal::from)?;
    let mut query = sqlx::query(SET_PROFILE);
    for column in profile_columns(&profile) {
        query = query.bind(column);
    }
    query.bind(signed(member.0)).execute(&mut commit.connection).await.map_err(failed)?;
    Ok(commit.emit(Fact::new(EventKind::ProfileChanged, member)))
}

async fn change_handle(commit: &mut Commit, member: MemberId, handle: Handle) -> StoreResult<Position> {
    let taken = "SELECT 1 FROM members WHERE handle_key = ? AND id <> ?";
    let query = sqlx::query(taken).bind(handle.key()).bind(signed(member.0));
    if query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_some() {
        return Err(Refusal::HandleTaken.into());
    }
    let update = "UPDATE members SET handle = ?, handle_key = ? WHERE id = ? AND deactivated_at IS NULL";
    let query = sqlx::query(update).bind(handle.as_str()).bind(handle.key()).bind(signed(member.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        return Err(Refusal::MemberNotFound.into());
    }
    Ok(commit.emit(Fact::new(EventKind::ProfileChanged, member)))
}

/// Adds to both counters of one follow. Each counts the other side only while that one is here.
async fn count_follow(commit: &mut Commit, follower: MemberId, followee: MemberId, by: i64) -> StoreResult<()> {
    let update = "UPDATE members SET \
        following_count = following_count + CASE WHEN id = ?1 AND EXISTS \
            (SELECT 1 FROM members WHERE id = ?2 AND deactivated_at IS NULL) THEN ?3 ELSE 0 END, \
        follower_count = follower_count + CASE WHEN id = ?2 AND EXISTS \
            (SELECT 1 FROM members WHERE id = ?1 AND deactivated_at IS NULL) THEN ?3 ELSE 0 END \
        WHERE id IN (?1, ?2)";
    let query = sqlx::query(update).bind(signed(follower.0)).bind(signed(followee.0)).bind(by);
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}

async fn follow(commit: &mut Commit, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<Option<Position>> {
    let here = "SELECT 1 FROM members WHERE id IN (?, ?) AND deactivated_at IS NULL";
    let query = sqlx::query(here).bind(signed(follower.0)).bind(signed(followee.0));
    if query.fetch_all(&mut commit.connection).await.map_err(failed)?.len() < 2 {
        return Err(Refusal::MemberNotFound.into());
    }
    // Rows and not `following_count`, which leaves out those who have left and may come back.
    let insert = "INSERT INTO follows (id, follower_id, followee_id) SELECT ?1, ?2, ?3 \
        WHERE (SELECT count(*) FROM follows WHERE follower_id = ?2) < ?4 ON CONFLICT DO NOTHING";
    let query = sqlx::query(insert)
        .bind(signed(id))
        .bind(signed(follower.0))
        .bind(signed(followee.0))
        .bind(signed(FOLLOWINGS_MAX as u64));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        let already = "SELECT 1 FROM follows WHERE follower_id = ? AND followee_id = ?";
        let query = sqlx::query(already).bind(signed(follower.0)).bind(signed(followee.0));
        let already = query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_some();
        return if already { Ok(None) } else { Err(Refusal::FollowLimit { max: FOLLOWINGS_MAX }.into()) };
    }
    count_follow(commit, follower, followee, 1).await?;
    Ok(Some(commit.emit(Fact::new(EventKind::MemberFollowed, follower).to(followee))))
}

async fn unfollow(commit: &mut Commit, follower: MemberId, followee: MemberId) -> StoreResult<Option<Position>> {
    let delete = "DELETE FROM follows WHERE follower_id = ? AND followee_id = ?";
    let query = sqlx::query(delete).bind(signed(follower.0)).bind(signed(followee.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        return Ok(None);
    }
    count_follow(commit, follower, followee, -1).await?;
    Ok(Some(commit.emit(Fact::new(EventKind::MemberUnfollowed, follower).to(followee))))
}

#[async_trait]
impl MemberStore for Sqlite {
    async fn sign_up(&self, member: NewMember, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>> {
        self.writer.write(move |commit| sign_up(commit, member, receipt).boxed()).await
    }

    async fn change_profile(&self, member: MemberId, patch: ProfilePatch) -> StoreResult<Position> {
        self.writer.write(move |commit| change_profile(commit, member, patch).boxed()).await
    }

    async fn change_handle(&self, member: MemberId, handle: Handle) -> StoreResult<Position> {
        self.writer.write(move |commit| change_handle(commit, member, handle).boxed()).await
    }

    async fn follow(&self, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<Option<Position>> {
        self.writer.write(move |commit| follow(commit, id, follower, followee).boxed()).await
    }

    async fn unfollow(&self, follower: MemberId, followee: MemberId) -> StoreResult<Option<Position>> {
        self.writer.write(move |commit| unfollow(commit, follower, followee).boxed()).await
    }

    async fn deactivate(&self, member: MemberId, at: Timestamp) -> StoreResult<Position> {
        self.writer.write(move |commit| departure::deactivate(commit, member, at).boxed()).await
    }

    async fn restore(&self, member: MemberId) -> StoreResult<Option<Position>> {
        self.writer.write(move |commit| departure::restore(commit, member).boxed()).await
    }

    async fn rehash(&self, member: MemberId, password_hash: String) -> StoreResult<()> {
        let work = async move |commit: &mut Commit| {
            let query = sqlx::query("UPDATE members SET password_hash = ? WHERE id = ?");
            let query = query.bind(password_hash).bind(signed(member.0));
            query.execute(&mut commit.connection).await.map_err(failed)?;
            Ok(())
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    async fn member(&self, id: MemberId) -> StoreResult<Option<Member>> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        members_read::by_id(&mut connection, id).await
    }

    async fn member_by_handle(&self, key: &str) -> StoreResult<Option<Member>> {
        self.one_member_by_handle(key).await
    }

    async fn credentials_by_email(&self, key: &str) -> StoreResult<Option<Credentials>> {
        self.one_credentials(members_read::CREDENTIALS_BY_EMAIL, key).await
    }

    async fn credentials(&self, id: MemberId) -> StoreResult<Option<Credentials>> {
        self.one_credentials(members_read::CREDENTIALS_BY_ID, &id.to_string()).await
    }

    async fn cards(&self, ids: &[MemberId]) -> StoreResult<Vec<MemberCard>> {
        self.cards_by_id(ids).await
    }

    async fn cards_by_handle(&self, keys: &[String]) -> StoreResult<Vec<MemberCard>> {
        self.cards_by_handle_key(keys).await
    }

    async fn handle_taken(&self, key: &str) -> StoreResult<bool> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        exists(&mut connection, "SELECT 1 FROM members WHERE handle_key = ?", key).await
    }

    async fn relations(&self, viewer: MemberId, others: &[MemberId]) -> StoreResult<Vec<Relation>> {
        self.relations_of(viewer, others).await
    }

    async fn followers(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.listed(members_read::FOLLOWERS, id, before, limit).await
    }

    async fn followings(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.listed(members_read::FOLLOWINGS, id, before, limit).await
    }

    async fn ties(&self, id: MemberId) -> StoreResult<Ties> {
        self.ties_of(id).await
    }

    async fn reticent(&self) -> StoreResult<Vec<(MemberId, Privacy)>> {
        self.members_reticent().await
    }

    async fn recommend(
        &self,
        viewer: MemberId,
        how: Recommendation,
        after: Option<[u64; 2]>,
        limit: usize,
    ) -> StoreResult<Vec<Recommended>> {
        self.recommended(viewer, how, after, limit).await
    }

    async fn deactivated(&self) -> StoreResult<Vec<MemberId>> {
        self.departed().await
    }

    async fn largest_id(&self) -> StoreResult<u64> {
        self.greatest_id().await
    }
}
