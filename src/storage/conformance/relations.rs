//! Blocks, mutes, follow requests and privacy, and the events that streams read of them.
use super::{
    Backend,
    fixtures::{self, comment, counts, events, follow, followed, like, members, no_drift, post, refused, reply},
    id,
};
use crate::{
    domain::{
        CommentText, Deadline, Event, EventAudience, EventKind as K, Fact, MemberId, Position, PostAudience,
        PostCounts, PostFacts, Privacy, ProfilePatch, Refusal, RelationChange, Timestamp,
    },
    storage::{BlockedCounts, CountBy, Followed, PostParticipants, Stores},
};
use std::time::Duration;

conformance! {
    a_block_and_the_relations_that_it_ends_are_one_commit,
    a_request_becomes_a_follow_or_nothing,
    going_public_accepts_every_follow_request,
    a_mute_has_one_end,
    counts_by_some_members_are_counted_apart,
    replies_are_counted_below_their_parents_parent,
    participants_and_facts_exclude_deactivated_members_and_deleted_rows,
    a_mention_is_emitted_once_and_withdrawn_with_its_text,
    a_stream_reads_the_same_events_from_memory_and_from_disk,
}

async fn privacy(stores: &Stores, member: MemberId, privacy: Privacy) {
    let patch = ProfilePatch { privacy: Some(privacy), ..ProfilePatch::default() };
    stores.members.change_profile(member, patch, None).await.unwrap();
}

async fn change(stores: &Stores, change: RelationChange, member: MemberId, other: MemberId) -> bool {
    stores.relations.change_relation(change, member, other).await.unwrap().value
}

async fn request(stores: &Stores, requester: MemberId, whom: MemberId) {
    assert_eq!(stores.relations.follow(id(), requester, whom).await.unwrap().value, Followed::Requested);
}

/// Returns the kinds and members of the events after the first `before`.
async fn since(stores: &Stores, before: usize) -> Vec<(K, MemberId, Option<MemberId>)> {
    events(stores).await[before..].iter().map(|e| (e.fact.kind, e.fact.member, e.fact.target)).collect()
}

async fn a_block_and_the_relations_that_it_ends_are_one_commit(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, other] = members(stores).await;
    follow(stores, one, other).await;
    follow(stores, other, one).await;
    let before = events(stores).await.len();
    assert!(change(stores, RelationChange::Block { id: id() }, one, other).await);
    assert!(!change(stores, RelationChange::Block { id: id() }, one, other).await);
    let to = |kind, member, target| (kind, member, Some(target));
    let expected = [to(K::MemberBlocked, one, other), to(K::FollowEnded, one, other), to(K::FollowEnded, other, one)];
    assert_eq!(since(stores, before).await, expected);
    assert_eq!((counts(stores, one).await, counts(stores, other).await), ([0; 3], [0; 3]));
    let of_one = stores.relations.relations_of(one).await.unwrap();
    let of_other = stores.relations.relations_of(other).await.unwrap();
    assert_eq!((of_one.blocked, of_other.blocked), (vec![other], vec![one]));
    assert_eq!(refused(stores.relations.follow(id(), one, other).await), Refusal::FollowBlocked);
    assert_eq!(refused(stores.relations.follow(id(), other, one).await), Refusal::MemberNotFound);
    no_drift(stores).await;
    assert!(
        change(stores, RelationChange::Unblock, one, other).await
            && !change(stores, RelationChange::Unblock, one, other).await
    );
    follow(stores, other, one).await.unwrap();
}

async fn a_request_becomes_a_follow_or_nothing(backend: &Backend) {
    let stores = &backend.stores().await;
    let [closed, accepted, declined, withdrawn, blocked] = members(stores).await;
    privacy(stores, closed, Privacy::Followers).await;
    for requester in [accepted, declined, withdrawn, blocked] {
        request(stores, requester, closed).await;
        request(stores, requester, closed).await;
    }
    assert!(change(stores, RelationChange::Accept { id: id() }, closed, accepted).await);
    assert!(!change(stores, RelationChange::Accept { id: id() }, closed, accepted).await);
    assert!(change(stores, RelationChange::Decline, closed, declined).await);
    assert!(change(stores, RelationChange::Unfollow, withdrawn, closed).await);
    assert!(change(stores, RelationChange::Block { id: id() }, closed, blocked).await);
    assert!(stores.relations.follow_requests(closed, u64::MAX, 9).await.unwrap().is_empty());
    let accept = stores.relations.change_relation(RelationChange::Accept { id: id() }, closed, declined).await;
    assert_eq!(refused(accept), Refusal::FollowRequestNotFound);
    assert_eq!(followed(stores, accepted).await, [closed]);
    assert_eq!(counts(stores, closed).await, [1, 0, 0]);
    no_drift(stores).await;
}

async fn going_public_accepts_every_follow_request(backend: &Backend) {
    let stores = &backend.stores().await;
    let [closed, one, other, stranger] = members(stores).await;
    privacy(stores, closed, Privacy::Private).await;
    for requester in [one, other] {
        request(stores, requester, closed).await;
    }
    assert_eq!(stores.members.non_public_authors().await.unwrap(), [(closed, Privacy::Private)]);
    let before = events(stores).await.len();
    privacy(stores, closed, Privacy::Public).await;
    let kinds: Vec<K> = since(stores, before).await.iter().map(|(kind, ..)| *kind).collect();
    use K::{FollowBegan as F, FollowRequestAccepted as A, PostsPublic as P, ProfileChanged as C};
    assert_eq!(kinds, [P, A, F, A, F, C]);
    assert_eq!(counts(stores, closed).await, [2, 0, 0]);
    assert!(stores.members.non_public_authors().await.unwrap().is_empty());
    follow(stores, stranger, closed).await.unwrap();
    no_drift(stores).await;
}

async fn a_mute_has_one_end(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, other] = members(stores).await;
    let end = |ms| Some(Timestamp(ms));
    assert!(change(stores, RelationChange::Mute { id: id(), until: None }, one, other).await);
    assert!(!change(stores, RelationChange::Mute { id: id(), until: None }, one, other).await, "already muted");
    assert!(change(stores, RelationChange::Mute { id: id(), until: end(1_000) }, one, other).await);
    assert_eq!(stores.relations.relations_of(one).await.unwrap().muted, [(other, end(1_000))]);
    let muted = async |now| {
        let listed = stores.relations.mutes(one, Timestamp(now), u64::MAX, 9).await.unwrap();
        let relation = stores.relations.relations(one, &[other], Timestamp(now)).await.unwrap()[0];
        assert_eq!(relation.muted, !listed.is_empty());
        relation.muted
    };
    assert!(muted(999).await && !muted(1_000).await);
    assert!(
        change(stores, RelationChange::Unmute, one, other).await
            && !change(stores, RelationChange::Unmute, one, other).await
    );
}

async fn counts_by_some_members_are_counted_apart(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, a, b, deactivated] = members(stores).await;
    let (busy, quiet) = (post(stores, author).await, post(stores, author).await);
    for who in [a, b, deactivated] {
        like(stores, who, busy).await;
    }
    let top = comment(stores, a, busy).await;
    for who in [b, b, author, deactivated] {
        reply(stores, who, top).await;
    }
    fixtures::like_comment(stores, b, top).await;
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    follow(stores, a, author).await;
    follow(stores, author, b).await;
    let until = Deadline::after(Duration::from_secs(60));
    let (blocked, three) = ([b, deactivated], [a, b, deactivated]);
    for until in [None, Some(&until)] {
        let of_posts = stores.posts.counts_by(&[busy, quiet], &blocked, until).await.unwrap();
        assert_eq!(of_posts, [(busy, PostCounts { views: 0, likes: 1, comments: 2 })]);
        for how in [CountBy::Acts, CountBy::Members] {
            let below = stores.comments.comment_counts_by(&[top], &blocked, how, until).await.unwrap();
            assert_eq!(below, [BlockedCounts { comment: top, likes: 1, replies: 2, below: 2 }], "{how:?}");
            assert_eq!(stores.relations.follow_counts_by(author, &three, how, until).await.unwrap(), [1, 1], "{how:?}");
        }
    }
}

async fn replies_are_counted_below_their_parents_parent(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, one, other] = members(stores).await;
    let on = post(stores, author).await;
    let (top, elsewhere) = (comment(stores, author, on).await, comment(stores, author, on).await);
    let below = reply(stores, one, top).await;
    reply(stores, one, below).await;
    let removed = reply(stores, one, below).await;
    reply(stores, other, below).await;
    reply(stores, one, elsewhere).await;
    stores.comments.delete_comment(one, removed, Timestamp::now()).await.unwrap();
    let expected = [
        BlockedCounts { comment: top, likes: 0, replies: 1, below: 2 },
        BlockedCounts { comment: below, likes: 0, replies: 1, below: 1 },
    ];
    for how in [CountBy::Acts, CountBy::Members] {
        let counts = stores.comments.comment_counts_by(&[top, below], &[one], how, None).await.unwrap();
        assert_eq!(counts, expected, "{how:?}");
    }
    let facts = stores.comments.comment_facts(&[top, below, removed], None).await.unwrap();
    assert_eq!(
        facts.iter().map(|facts| (facts.comment, facts.is_reply)).collect::<Vec<_>>(),
        [(top, false), (below, true)]
    );
}

async fn participants_and_facts_exclude_deactivated_members_and_deleted_rows(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, a, b, deactivated] = members(stores).await;
    let (busy, quiet, theirs) =
        (post(stores, author).await, post(stores, author).await, post(stores, deactivated).await);
    for who in [b, a, deactivated] {
        like(stores, who, busy).await;
        comment(stores, who, busy).await;
    }
    comment(stores, a, busy).await;
    let removed = comment(stores, b, busy).await;
    stores.comments.delete_comment(b, removed, Timestamp::now()).await.unwrap();
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let expected = PostParticipants { likers: vec![a, b], commenters: vec![a, a, b] };
    assert_eq!(stores.posts.participants(&[quiet, busy], None).await.unwrap(), [(busy, expected)]);
    let mut facts = stores.posts.post_facts(a, &[theirs, quiet, busy], None).await.unwrap();
    facts.sort_unstable_by_key(|(post, _)| *post);
    let public = PostFacts { author, audience: PostAudience::Public, mentions_viewer: false };
    assert_eq!(facts, [(busy, public), (quiet, public)]);
    assert_eq!(stores.members.inactive_members(&[deactivated, b], None).await.unwrap(), [deactivated]);
}

async fn a_mention_is_emitted_once_and_withdrawn_with_its_text(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, host, one, other] = members(stores).await;
    let on = post(stores, host).await;
    let before = events(stores).await.len();
    let mut remark = fixtures::remark(author, on, None);
    // The host is notified of the comment already, and the author wrote it.
    remark.mentions = vec![author, host, one, one];
    let on_comment = remark.id;
    stores.comments.create_comment(remark, None).await.unwrap();
    let text = CommentText::new("고침").unwrap();
    stores.comments.edit_comment(author, on_comment, text, vec![other], None, Timestamp::now()).await.unwrap();
    stores.comments.delete_comment(author, on_comment, Timestamp::now()).await.unwrap();
    let to = |kind, target| Fact { kind, ..Fact::new(kind, author).on_post(on).on_comment(on_comment).to(target) };
    let plain = |kind| Fact::new(kind, author).on_post(on).on_comment(on_comment);
    let facts: Vec<Fact> = events(stores).await[before..].iter().map(|event| event.fact).collect();
    let expected = [
        to(K::CommentCreated, host),
        to(K::MemberMentioned, one),
        plain(K::CommentUpdated),
        to(K::MentionWithdrawn, host),
        to(K::MentionWithdrawn, one),
        to(K::MemberMentioned, other),
        to(K::CommentDeleted, host),
        to(K::MentionWithdrawn, other),
    ];
    assert_eq!(facts, expected);
}

/// Reads the end of the log from memory, and after a restart from the disk.
async fn a_stream_reads_the_same_events_from_memory_and_from_disk(backend: &Backend) {
    let stores = backend.stores().await;
    let all: [MemberId; 4] = members(&stores).await;
    let [a, b, c, d] = all;
    follow(&stores, a, b).await;
    follow(&stores, c, a).await;
    let (of_a, of_b) = (post(&stores, a).await, post(&stores, b).await);
    for who in [b, c, d] {
        like(&stores, who, of_a).await;
    }
    comment(&stores, d, of_b).await;
    privacy(&stores, a, Privacy::Followers).await;
    request(&stores, d, a).await;
    change(&stores, RelationChange::Accept { id: id() }, a, d).await;
    change(&stores, RelationChange::Mute { id: id(), until: None }, a, c).await;
    change(&stores, RelationChange::Block { id: id() }, b, a).await;
    stores.posts.delete_post(b, of_b, Timestamp::now()).await.unwrap();
    stores.members.deactivate(a, Timestamp::now()).await.unwrap();
    let log = events(&stores).await;
    let stream_events = async |stores: &Stores, member: MemberId, home_authors: &[MemberId]| {
        let (mut read, mut after) = (Vec::new(), Position(0));
        loop {
            let step =
                stores.log.stream_events(member, home_authors, after, log[log.len() - 1].position, 2).await.unwrap();
            let Some(last) = step.last() else { return read };
            after = last.position;
            read.extend(step);
        }
    };
    let mut expected = Vec::new();
    for member in all {
        for home_authors in [vec![member], all.to_vec()] {
            let offered = |event: &&Event| EventAudience::includes(&event.fact, member, &home_authors);
            let offered: Vec<Event> = log.iter().filter(offered).copied().collect();
            assert!(home_authors.len() == 1 || offered.len() >= 5, "{offered:?}");
            assert_eq!(stream_events(&stores, member, &home_authors).await, offered, "{member} from memory");
            expected.push((member, home_authors, offered));
        }
    }
    let again = backend.reopen(stores).await;
    for (member, home_authors, offered) in expected {
        assert_eq!(stream_events(&again, member, &home_authors).await, offered, "{member} from the disk");
    }
}
