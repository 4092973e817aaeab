//! The members role: who there is.
use super::{
    Sqlite, commit::Commit, deactivation, failed, images, markers, member_relations, members_read, receipts, relations,
    signed,
};
use crate::{
    domain::{
        Deadline, EventKind, Fact, Handle, Member, MemberCard, MemberId, Outcome, Patch, Position, Privacy, Profile,
        ProfilePatch, Receipt, Recommendation, Refusal, Timestamp,
    },
    storage::{Credentials, MemberStore, NewMember, Recommended, StoreResult},
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

/// Refuses `PreconditionFailed` where somebody has seen the member otherwise.
fn unchanged(now: &Member, seen: Option<&Member>) -> Result<(), Refusal> {
    if seen.is_none_or(|seen| seen.has_same_content(now)) { Ok(()) } else { Err(Refusal::PreconditionFailed) }
}

async fn change_profile(
    commit: &mut Commit,
    member: MemberId,
    patch: ProfilePatch,
    over: Option<Member>,
) -> StoreResult<Position> {
    let before = members_read::by_id(&mut commit.connection, member).await?.ok_or(Refusal::MemberNotFound)?;
    unchanged(&before, over.as_ref())?;
    let (privacy, avatar) = (patch.privacy, patch.avatar.clone());
    let profile = before.profile.patched(patch).map_err(Refusal::from)?;
    let privacy = privacy.filter(|privacy| *privacy != before.privacy);
    let avatar = match avatar {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(id) => Some(Some(id)),
    };
    let avatar = avatar.filter(|id| *id != before.avatar.map(|avatar| avatar.id));
    // A change that changes nothing is none.
    if profile == before.profile && privacy.is_none() && avatar.is_none() {
        return Ok(commit.head());
    }
    let mut query = sqlx::query(SET_PROFILE);
    for column in profile_columns(&profile) {
        query = query.bind(column);
    }
    query.bind(signed(member.0)).execute(&mut commit.connection).await.map_err(failed)?;
    if let Some(privacy) = privacy {
        change_privacy(commit, member, privacy).await?;
    }
    if let Some(id) = avatar {
        images::change_avatar(&mut commit.connection, member, id, Timestamp::now()).await?;
    }
    Ok(commit.emit(Fact::new(EventKind::ProfileChanged, member)))
}

async fn change_privacy(commit: &mut Commit, member: MemberId, privacy: Privacy) -> StoreResult<()> {
    let query = sqlx::query("UPDATE members SET privacy = ? WHERE id = ?");
    let query = query.bind(member_relations::privacy_number(privacy)).bind(signed(member.0));
    query.execute(&mut commit.connection).await.map_err(failed)?;
    let kind = match privacy {
        Privacy::Public => EventKind::PostsPublic,
        Privacy::Followers => EventKind::PostsForFollowers,
        Privacy::Private => EventKind::PostsPrivate,
    };
    commit.emit(Fact::new(kind, member));
    if privacy == Privacy::Public {
        relations::accept_all(commit, member).await?;
    }
    Ok(())
}

async fn change_handle(
    commit: &mut Commit,
    member: MemberId,
    handle: Handle,
    over: Option<Member>,
) -> StoreResult<Position> {
    if over.is_some() {
        let before = members_read::by_id(&mut commit.connection, member).await?.ok_or(Refusal::MemberNotFound)?;
        unchanged(&before, over.as_ref())?;
    }
    let taken = "SELECT 1 FROM members WHERE handle_key = ? AND id <> ?";
    let query = sqlx::query(taken).bind(handle.key()).bind(signed(member.0));
    if query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_some() {
        return Err(Refusal::HandleTaken.into());
    }
    let same = "SELECT 1 FROM members WHERE id = ? AND handle = ? AND deactivated_at IS NULL";
    let query = sqlx::query(same).bind(signed(member.0)).bind(handle.as_str());
    if query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_some() {
        return Ok(commit.head());
    }
    let update = "UPDATE members SET handle = ?, handle_key = ? WHERE id = ? AND deactivated_at IS NULL";
    let query = sqlx::query(update).bind(handle.as_str()).bind(handle.key()).bind(signed(member.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        return Err(Refusal::MemberNotFound.into());
    }
    Ok(commit.emit(Fact::new(EventKind::ProfileChanged, member)))
}

#[async_trait]
impl MemberStore for Sqlite {
    async fn sign_up(&self, member: NewMember, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>> {
        self.writer.write(move |commit| sign_up(commit, member, receipt).boxed()).await
    }

    async fn change_profile(
        &self,
        member: MemberId,
        patch: ProfilePatch,
        over: Option<Member>,
    ) -> StoreResult<Position> {
        self.writer.write(move |commit| change_profile(commit, member, patch, over).boxed()).await
    }

    async fn change_handle(&self, member: MemberId, handle: Handle, over: Option<Member>) -> StoreResult<Position> {
        self.writer.write(move |commit| change_handle(commit, member, handle, over).boxed()).await
    }

    async fn deactivate(&self, member: MemberId, at: Timestamp) -> StoreResult<Position> {
        self.writer.write(move |commit| deactivation::deactivate(commit, member, at).boxed()).await
    }

    async fn restore(&self, member: MemberId) -> StoreResult<Option<Position>> {
        self.writer.write(move |commit| deactivation::restore(commit, member).boxed()).await
    }

    async fn move_marker(&self, member: MemberId, last_read: Position) -> StoreResult<Option<Position>> {
        self.writer.write(move |commit| markers::move_on(commit, member, last_read).boxed()).await
    }

    async fn marker(&self, member: MemberId) -> StoreResult<Position> {
        self.marker_of(member).await
    }

    async fn member(&self, id: MemberId) -> StoreResult<Option<Member>> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        members_read::by_id(&mut connection, id).await
    }

    async fn members_by_id(&self, ids: &[MemberId]) -> StoreResult<Vec<Member>> {
        self.members_by_id(ids).await
    }

    async fn members_from(&self, after: MemberId, limit: usize) -> StoreResult<Vec<Member>> {
        self.members_from(after, limit).await
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

    async fn recommend(
        &self,
        viewer: MemberId,
        how: Recommendation,
        after: Option<[u64; 2]>,
        limit: usize,
        until: &Deadline,
    ) -> StoreResult<Vec<Recommended>> {
        self.recommended(viewer, how, after, limit, until).await
    }

    async fn deactivated(&self) -> StoreResult<Vec<MemberId>> {
        self.deactivated_members().await
    }

    async fn largest_id(&self) -> StoreResult<u64> {
        self.greatest_id().await
    }
}
