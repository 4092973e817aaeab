//! The commands on members: `sign_up`, `change_profile`, `change_handle`.
use super::{
    HANDLE_TAKEN, exists,
    rows::{privacy_number, profile_columns},
};
use crate::{
    domain::{
        EventKind, Fact, Handle, Member, MemberId, Outcome, Patch, Privacy, ProfilePatch, Receipt, Refusal, Timestamp,
    },
    storage::{
        NewMember, StoreResult,
        sqlite::{
            departures, failed, images, signed,
            writer::{Commit, receipts},
        },
    },
};

const EMAIL_TAKEN: &str = "SELECT 1 FROM members WHERE email_key = ?";
const INSERT: &str = "INSERT INTO members (id, email, email_key, handle, handle_key, password_hash, created_at, \
    member_name, display_name, bio, location, website_url, birth_date, gender, language_code, country_code, \
    timezone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// Columns in the order of `profile_columns`.
const SET_PROFILE: &str = "UPDATE members SET member_name = ?, display_name = ?, bio = ?, location = ?, \
    website_url = ?, birth_date = ?, gender = ?, language_code = ?, country_code = ?, timezone = ? WHERE id = ?";

pub(super) async fn sign_up(commit: &mut Commit, new: NewMember, receipt: Option<Receipt>) -> StoreResult<Outcome> {
    if let Some(answer) = receipts::find_or_insert(&mut commit.connection, receipt.as_ref()).await? {
        return Ok(Outcome::Repeated(answer));
    }
    if exists(&mut commit.connection, EMAIL_TAKEN, &new.email.key()).await? {
        return Err(Refusal::EmailTaken.into());
    }
    if exists(&mut commit.connection, HANDLE_TAKEN, &new.handle.key()).await? {
        return Err(Refusal::HandleTaken.into());
    }
    let mut query = sqlx::query(INSERT)
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
    commit.emit(Fact::new(EventKind::MemberSignedUp, new.id));
    Ok(Outcome::Done)
}

/// Refuses `PreconditionFailed` if the stored member no longer equals the one that the client read.
fn check_precondition(stored: &Member, expected: Option<&Member>) -> Result<(), Refusal> {
    if expected.is_none_or(|expected| expected.has_same_content(stored)) {
        Ok(())
    } else {
        Err(Refusal::PreconditionFailed)
    }
}

/// The arguments of `change_profile`.
#[derive(Clone)]
pub(super) struct ProfileChange {
    pub(super) member: MemberId,
    pub(super) patch: ProfilePatch,
    /// The version that the client read.
    pub(super) expected: Option<Member>,
    pub(super) at: Timestamp,
}

pub(super) async fn change_profile(commit: &mut Commit, change: ProfileChange) -> StoreResult<()> {
    let ProfileChange { member, patch, expected, at } = change;
    let before = super::by_id(&mut commit.connection, member).await?.ok_or(Refusal::MemberNotFound)?;
    check_precondition(&before, expected.as_ref())?;
    let privacy = patch.privacy;
    let avatar = patch.avatar.clone();
    let profile = before.profile.patched(patch).map_err(Refusal::from)?;
    let privacy = privacy.filter(|privacy| *privacy != before.privacy);
    // `None` keeps the avatar, `Some(None)` removes it.
    let avatar = match avatar {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(id) => Some(Some(id)),
    };
    let avatar = avatar.filter(|id| *id != before.avatar.map(|avatar| avatar.id));
    if profile == before.profile && privacy.is_none() && avatar.is_none() {
        return Ok(());
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
        images::change_avatar(&mut commit.connection, member, id, at).await?;
    }
    commit.emit(Fact::new(EventKind::ProfileChanged, member));
    Ok(())
}

async fn change_privacy(commit: &mut Commit, member: MemberId, privacy: Privacy) -> StoreResult<()> {
    let query = sqlx::query("UPDATE members SET privacy = ? WHERE id = ?");
    let query = query.bind(privacy_number(privacy)).bind(signed(member.0));
    query.execute(&mut commit.connection).await.map_err(failed)?;
    let kind = match privacy {
        Privacy::Public => EventKind::PostsPublic,
        Privacy::Followers => EventKind::PostsForFollowers,
        Privacy::Private => EventKind::PostsPrivate,
    };
    commit.emit(Fact::new(kind, member));
    if privacy == Privacy::Public {
        departures::begin_to_accept(commit, member).await
    } else {
        departures::stop_accepting(commit, member).await
    }
}

pub(super) async fn change_handle(
    commit: &mut Commit,
    member: MemberId,
    handle: Handle,
    expected: Option<Member>,
) -> StoreResult<()> {
    if expected.is_some() {
        let before = super::by_id(&mut commit.connection, member).await?.ok_or(Refusal::MemberNotFound)?;
        check_precondition(&before, expected.as_ref())?;
    }
    let taken = "SELECT 1 FROM members WHERE handle_key = ? AND id <> ?";
    let query = sqlx::query(taken).bind(handle.key()).bind(signed(member.0));
    if query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_some() {
        return Err(Refusal::HandleTaken.into());
    }
    let same = "SELECT 1 FROM members WHERE id = ? AND handle = ? AND deactivated_at IS NULL";
    let query = sqlx::query(same).bind(signed(member.0)).bind(handle.as_str());
    if query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_some() {
        return Ok(());
    }
    let update = "UPDATE members SET handle = ?, handle_key = ? WHERE id = ? AND deactivated_at IS NULL";
    let query = sqlx::query(update).bind(handle.as_str()).bind(handle.key()).bind(signed(member.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        return Err(Refusal::MemberNotFound.into());
    }
    commit.emit(Fact::new(EventKind::ProfileChanged, member));
    Ok(())
}
