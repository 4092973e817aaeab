//! The position of a write: a reader that has read the log up to it has everything that the write's answer speaks of.
use super::{
    Backend, draft,
    fixtures::{self, comment, events, follow, hours_from_now, members, post},
    id, newcomer,
    tokens::{checked, log_in, session_of},
};
use crate::{
    domain::{
        Answer, CommentText, EventKind as K, Handle, Identity, MemberId, Mention, Patch, Position, PostText, Privacy,
        ProfilePatch, Receipt, RelationChange, SessionId, Timestamp, markup::ResolvedMarkup,
    },
    storage::{Committed, Import, SessionsToEnd, StoreResult, Stores, View},
};
use futures::future::join_all;
use jiff::civil::Date;

conformance! {
    a_write_has_the_position_of_its_last_event,
    a_write_of_relations_has_the_position_of_its_last_event,
    a_write_of_sessions_has_the_position_of_its_last_event,
    a_write_without_an_event_has_the_newest_position,
    a_repeated_receipt_covers_the_first_write,
    concurrent_writes_have_their_own_positions,
}

/// Asserts that the write emitted events that end with `kind`, and that its position is that of the last one.
async fn ends_with<T>(stores: &Stores, kind: K, write: impl Future<Output = StoreResult<Committed<T>>>) -> T {
    let before = events(stores).await.len();
    let Committed { value, at } = write.await.unwrap();
    let log = events(stores).await;
    let last = log.last().unwrap();
    assert!(log.len() > before, "{kind:?} was emitted");
    assert_eq!((last.fact.kind, last.position), (kind, at));
    value
}

/// Asserts that the write emitted no event, and that its position is the newest one.
async fn changes_nothing<T>(stores: &Stores, write: impl Future<Output = StoreResult<Committed<T>>>) {
    let before = events(stores).await;
    let at = write.await.unwrap().at;
    assert_eq!(events(stores).await, before);
    assert_eq!(at, before.last().unwrap().position);
}

fn receipt(key: &str) -> Receipt {
    let answer = Answer { status: 201, location: String::new(), body: String::new() };
    let (scope, key) = ("member:1".to_owned(), key.to_owned());
    Receipt { scope, key, fingerprint: [0; 32], answer, at: Timestamp::now() }
}

/// Returns the markup of a text that mentions these members.
fn mentioning(members: &[MemberId]) -> ResolvedMarkup {
    let mention = |member: &MemberId| Mention { handle: "m".to_owned(), member: *member, start: 0, end: 2 };
    ResolvedMarkup { tags: Vec::new(), mentions: members.iter().map(mention).collect() }
}

async fn a_write_has_the_position_of_its_last_event(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, one, other] = members(stores).await;
    let now = Timestamp::now();
    let mut new = draft(author, "글");
    new.mentions = mentioning(&[one, other]).mentions;
    let on = new.id;
    ends_with(stores, K::MemberMentioned, stores.posts.create_post(new, None)).await;
    let text = PostText::new(None, "다른 글").unwrap();
    let edit = stores.posts.edit_post(author, on, text, mentioning(&[one]), None, now);
    ends_with(stores, K::MentionWithdrawn, edit).await;
    ends_with(stores, K::PostLiked, stores.likes.like_post(id(), one, on, true)).await;
    ends_with(stores, K::PostLikeCancelled, stores.likes.like_post(id(), one, on, false)).await;
    ends_with(stores, K::PostRead, stores.views.count_views(vec![View { post: on, viewer: one, hour: 1 }])).await;

    let mut remark = fixtures::remark(one, on, None);
    remark.mentions = vec![other];
    let below = remark.id;
    ends_with(stores, K::MemberMentioned, stores.comments.create_comment(remark, None)).await;
    ends_with(stores, K::CommentLiked, stores.likes.like_comment(id(), author, below, true)).await;
    let text = CommentText::new("다른 댓글").unwrap();
    let edit = stores.comments.edit_comment(one, below, text, Vec::new(), None, now);
    ends_with(stores, K::MentionWithdrawn, edit).await;
    ends_with(stores, K::CommentDeleted, stores.comments.delete_comment(one, below, now)).await;
    ends_with(stores, K::MentionWithdrawn, stores.posts.delete_post(author, on, now)).await;

    ends_with(stores, K::MemberSignedUp, stores.members.sign_up(newcomer("late"), None)).await;
    let bio = ProfilePatch { bio: Patch::Set("소개".to_owned()), ..ProfilePatch::default() };
    ends_with(stores, K::ProfileChanged, stores.members.change_profile(one, bio, None)).await;
    let handle = Handle::new("seoul").unwrap();
    ends_with(stores, K::ProfileChanged, stores.members.change_handle(one, handle, None)).await;
    ends_with(stores, K::NotificationsRead, stores.markers.move_marker(one, Position(5))).await;
    let day = Date::constant(2026, 3, 2);
    ends_with(stores, K::DailyTop3Changed, stores.ranking.keep_day(day, vec![on], None)).await;
    let import = Import { members: vec![newcomer("one"), newcomer("two")], ..Import::default() };
    ends_with(stores, K::MemberSignedUp, stores.housekeeping.import(import)).await;
}

async fn a_write_of_relations_has_the_position_of_its_last_event(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, other, third] = members(stores).await;
    let change = |change, member, other| stores.relations.change_relation(change, member, other);
    ends_with(stores, K::MemberFollowed, stores.relations.follow(id(), one, other)).await;
    ends_with(stores, K::FollowEnded, change(RelationChange::RemoveFollower, other, one)).await;
    follow(stores, one, other).await;
    follow(stores, other, one).await;
    // A block ends the follows of both members.
    ends_with(stores, K::FollowEnded, change(RelationChange::Block { id: id() }, one, other)).await;
    ends_with(stores, K::MemberUnblocked, change(RelationChange::Unblock, one, other)).await;
    ends_with(stores, K::MemberMuted, change(RelationChange::Mute { id: id(), until: None }, one, other)).await;
    ends_with(stores, K::MemberUnmuted, change(RelationChange::Unmute, one, other)).await;
    let privacy = |privacy| ProfilePatch { privacy: Some(privacy), ..ProfilePatch::default() };
    let private = stores.members.change_profile(third, privacy(Privacy::Private), None);
    ends_with(stores, K::ProfileChanged, private).await;
    ends_with(stores, K::FollowRequested, stores.relations.follow(id(), one, third)).await;
    ends_with(stores, K::MemberFollowed, change(RelationChange::Accept { id: id() }, third, one)).await;
    ends_with(stores, K::MemberUnfollowed, change(RelationChange::Unfollow, one, third)).await;
    for _ in [one, other] {
        ends_with(stores, K::FollowRequested, stores.relations.follow(id(), other, third)).await;
        ends_with(stores, K::FollowRequestDeclined, change(RelationChange::Decline, third, other)).await;
    }
}

async fn a_write_of_sessions_has_the_position_of_its_last_event(backend: &Backend) {
    let stores = &backend.stores().await;
    let [who] = members(stores).await;
    let sessions = &stores.sessions;
    let until = hours_from_now(1);
    let create = sessions.create_session(session_of(who), checked(stores, who).await, None);
    ends_with(stores, K::MemberLoggedIn, create).await;
    let ended = log_in(stores, who).await.id;
    ends_with(stores, K::MemberLoggedOut, sessions.end_sessions(who, SessionsToEnd::One(ended), until)).await;
    let here = Identity { member: who, session: log_in(stores, who).await.id, expires_at: until };
    let (before, known) = (SessionId(id()), checked(stores, who).await);
    let deactivate = sessions.deactivate(here, known, Timestamp::now(), before, until);
    ends_with(stores, K::MemberDeactivated, deactivate).await;
    // The login restores the member.
    let create = sessions.create_session(session_of(who), checked(stores, who).await, None);
    ends_with(stores, K::MemberLoggedIn, create).await;
}

async fn a_write_without_an_event_has_the_newest_position(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = members(stores).await;
    let on = post(stores, author).await;
    let below = comment(stores, author, on).await;
    let now = Timestamp::now();
    let text = PostText::new(None, "글").unwrap();
    changes_nothing(stores, stores.posts.edit_post(author, on, text, mentioning(&[]), None, now)).await;
    let text = CommentText::new("좋네요").unwrap();
    changes_nothing(stores, stores.comments.edit_comment(author, below, text, Vec::new(), None, now)).await;
    changes_nothing(stores, stores.likes.like_post(id(), fan, on, false)).await;
    changes_nothing(stores, stores.likes.like_comment(id(), fan, below, false)).await;
    changes_nothing(stores, stores.views.count_views(vec![View { post: on, viewer: author, hour: 1 }])).await;
    changes_nothing(stores, stores.members.change_profile(fan, ProfilePatch::default(), None)).await;
    changes_nothing(stores, stores.markers.move_marker(fan, Position(0))).await;
    for change in [RelationChange::Unfollow, RelationChange::Decline, RelationChange::Unblock, RelationChange::Unmute] {
        changes_nothing(stores, stores.relations.change_relation(change, fan, author)).await;
    }
    follow(stores, fan, author).await;
    changes_nothing(stores, stores.relations.follow(id(), fan, author)).await;
    changes_nothing(stores, stores.images.delete_unused_images(now, 10)).await;
    changes_nothing(stores, stores.sessions.end_sessions(fan, SessionsToEnd::One(SessionId(id())), now)).await;
    let refresh = stores.sessions.refresh_session(SessionId(id()), 0, now, now, String::new());
    changes_nothing(stores, refresh).await;
    changes_nothing(stores, stores.ranking.keep_day(Date::constant(2026, 3, 2), Vec::new(), None)).await;
}

async fn a_repeated_receipt_covers_the_first_write(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author] = members(stores).await;
    // Some of the copies share a commit, some come after it.
    let create = |_| stores.posts.create_post(draft(author, "글"), Some(receipt("post")));
    let mut answers = join_all((0..50).map(create)).await;
    answers.push(create(50).await);
    let stored = events(stores).await.last().unwrap().position;
    for answer in answers {
        assert_eq!(answer.unwrap().at, stored);
    }
    let on = post(stores, author).await;
    let create = || stores.comments.create_comment(fixtures::remark(author, on, None), Some(receipt("comment")));
    ends_with(stores, K::CommentCreated, create()).await;
    changes_nothing(stores, create()).await;
    let sign_up = || stores.members.sign_up(newcomer("again"), Some(receipt("sign-up")));
    ends_with(stores, K::MemberSignedUp, sign_up()).await;
    changes_nothing(stores, sign_up()).await;
}

/// Commands that share a commit must not take the position of the commit's end.
async fn concurrent_writes_have_their_own_positions(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = members(stores).await;
    let on = post(stores, author).await;
    let writes = join_all((0..60).map(|number| async move {
        if number % 2 == 0 {
            let new = draft(author, "글");
            let post = new.id;
            (K::PostCreated, Some(post), stores.posts.create_post(new, None).await.unwrap().at)
        } else {
            let remark = fixtures::remark(fan, on, None);
            (K::CommentCreated, Some(on), stores.comments.create_comment(remark, None).await.unwrap().at)
        }
    }))
    .await;
    let log = events(stores).await;
    for (kind, post, at) in &writes {
        let event = log[usize::try_from(at.0).unwrap() - 1];
        assert_eq!((event.position, event.fact.kind, event.fact.post), (*at, *kind, *post));
    }
    let mut positions: Vec<_> = writes.iter().map(|(.., at)| *at).collect();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!(positions.len(), writes.len());
}
