//! The audience of posts: in every read, in the events about a post, and kept by an edit.
use super::{
    Backend, draft,
    fixtures::{comment, events, members, refused},
};
use crate::{
    domain::{
        CommentId, EventKind as K, MemberId, Mention, Post, PostAudience, PostFacts, PostId, PostText, Refusal,
        Standing, Timestamp, markup::ResolvedMarkup,
    },
    storage::Stores,
};

conformance! {
    every_read_returns_the_audience,
    the_events_about_a_post_name_its_audience,
    an_edit_keeps_the_audience,
    mentions_are_read_of_deleted_posts_too,
    only_posts_for_everybody_are_public,
    the_facts_of_a_post_admit_its_audience,
    the_comments_of_a_member_have_the_facts_of_their_posts,
}

const END: PostId = PostId(u64::MAX);

fn mention(member: MemberId) -> Mention {
    Mention { handle: "m".to_owned(), member, start: 0, end: 2 }
}

/// Stores a post for each audience that mentions these members, in the order of `PostAudience::ALL`.
async fn posts(stores: &Stores, author: MemberId, mentioned: &[MemberId]) -> Vec<PostId> {
    let mut posts = Vec::new();
    for audience in PostAudience::ALL {
        let mentions = mentioned.iter().copied().map(mention).collect();
        let post = Post { audience, mentions, ..draft(author, "글 #표") };
        posts.push(post.id);
        stores.posts.create_post(post, None).await.unwrap();
    }
    posts
}

async fn every_read_returns_the_audience(backend: &Backend) {
    let stores = backend.stores().await;
    let [author] = members(&stores).await;
    let ids = posts(&stores, author, &[]).await;
    let newest_first: Vec<_> = ids.iter().copied().zip(PostAudience::ALL).rev().collect();
    for listed in [
        stores.posts.posts_by(&[author], END, 9, None).await.unwrap(),
        stores.posts.newest_posts(END, 9).await.unwrap(),
        stores.posts.tagged_posts("표", END, 9).await.unwrap(),
    ] {
        assert_eq!(listed.iter().map(|post| (post.post, post.audience)).collect::<Vec<_>>(), newest_first);
    }
    let mut stored = stores.posts.posts(&ids).await.unwrap();
    stored.sort_unstable_by_key(|post| post.id);
    assert_eq!(stored.iter().map(|post| post.audience).collect::<Vec<_>>(), PostAudience::ALL);
}

async fn the_events_about_a_post_name_its_audience(backend: &Backend) {
    let stores = backend.stores().await;
    let [author, mentioned, other] = members(&stores).await;
    let ids = posts(&stores, author, &[author, mentioned]).await;
    for id in &ids {
        let markup = ResolvedMarkup { tags: Vec::new(), mentions: vec![mention(other)] };
        let text = PostText::new(None, "바뀐 글").unwrap();
        stores.posts.edit_post(author, *id, text, markup, None, Timestamp::now()).await.unwrap();
        stores.posts.delete_post(author, *id, Timestamp::now()).await.unwrap();
    }
    let reopened = backend.reopen(stores).await;
    let log = events(&reopened).await;
    for (id, audience) in ids.iter().zip(PostAudience::ALL) {
        let about: Vec<_> = log.iter().map(|event| event.fact).filter(|fact| fact.post == Some(*id)).collect();
        assert!(about.iter().all(|fact| fact.audience == audience), "{about:?}");
        let mentions = [
            (K::PostCreated, None),
            (K::MemberMentioned, Some(mentioned)),
            (K::PostUpdated, None),
            (K::MentionWithdrawn, Some(mentioned)),
            (K::MemberMentioned, Some(other)),
            (K::PostDeleted, None),
            (K::MentionWithdrawn, Some(other)),
        ];
        // A post for its author alone mentions nobody.
        let mut kinds: Vec<_> = about.iter().map(|fact| (fact.kind, fact.target)).collect();
        kinds.sort_by_key(|(kind, target)| (kind.code(), *target));
        let mut expected: Vec<_> =
            mentions.into_iter().filter(|(_, target)| audience != PostAudience::Own || target.is_none()).collect();
        expected.sort_by_key(|(kind, target)| (kind.code(), *target));
        assert_eq!(kinds, expected, "{audience:?}");
    }
}

async fn an_edit_keeps_the_audience(backend: &Backend) {
    let stores = backend.stores().await;
    let [author] = members(&stores).await;
    let ids = posts(&stores, author, &[]).await;
    for (id, audience) in ids.iter().zip(PostAudience::ALL) {
        let edit = |content: &str, audience| {
            let text = PostText::new(None, content).unwrap().with_audience(audience);
            stores.posts.edit_post(author, *id, text, ResolvedMarkup::default(), None, Timestamp::now())
        };
        for other in PostAudience::ALL.into_iter().filter(|other| *other != audience) {
            for content in ["글 #표", "바뀐 글"] {
                assert_eq!(refused(edit(content, Some(other)).await), Refusal::AudienceFixed);
            }
        }
        for (content, given) in [("하나", None), ("둘", Some(audience))] {
            let edited = edit(content, given).await.unwrap().value;
            assert_eq!((edited.content.as_str(), edited.audience), (content, audience));
        }
    }
}

async fn mentions_are_read_of_deleted_posts_too(backend: &Backend) {
    let stores = backend.stores().await;
    let [author, one, other] = members(&stores).await;
    let ids = posts(&stores, author, &[one, other]).await;
    stores.posts.delete_post(author, ids[2], Timestamp::now()).await.unwrap();
    let mut found = stores.posts.mentions_in(&[ids[2], ids[0], PostId(5)]).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [(ids[0], one), (ids[0], other), (ids[2], one), (ids[2], other)]);
}

async fn only_posts_for_everybody_are_public(backend: &Backend) {
    let stores = backend.stores().await;
    let [author] = members(&stores).await;
    let ids = posts(&stores, author, &[]).await;
    assert_eq!(stores.ranking.public_posts(&ids).await.unwrap(), ids[..1]);
}

/// Returns the audiences of the posts whose facts admit a viewer of this standing.
fn admitted(facts: &[PostFacts], standing: Standing) -> Vec<PostAudience> {
    facts.iter().filter(|facts| facts.visible_to(standing)).map(|facts| facts.audience).collect()
}

/// Asserts which posts of the author the facts that `read` returns admit: the posts mention `one` and not `other`, and
/// there is one for each audience, in ascending order.
async fn assert_admitted([author, one, other]: [MemberId; 3], read: impl AsyncFn(MemberId) -> Vec<PostFacts>) {
    use PostAudience::{Followers, Mentioned, Own, Public};
    for (viewer, standing, expected) in [
        (author, Standing::Author, vec![Public, Followers, Mentioned, Own]),
        (one, Standing::Follower, vec![Public, Followers, Mentioned]),
        (one, Standing::Stranger, vec![Public, Mentioned]),
        (one, Standing::Hidden, vec![]),
        (other, Standing::Follower, vec![Public, Followers]),
        (other, Standing::Stranger, vec![Public]),
        (other, Standing::Hidden, vec![]),
    ] {
        let facts = read(viewer).await;
        assert_eq!(facts.len(), PostAudience::ALL.len(), "hidden posts are read too");
        assert!(facts.iter().all(|facts| facts.author == author));
        assert_eq!(admitted(&facts, standing), expected, "{standing:?}, mentioned: {}", viewer == one);
    }
}

async fn the_facts_of_a_post_admit_its_audience(backend: &Backend) {
    let stores = backend.stores().await;
    let [author, one, other] = members(&stores).await;
    let ids = posts(&stores, author, &[one]).await;
    let read = async |viewer: MemberId| {
        let mut facts = stores.posts.post_facts(viewer, &ids, None).await.unwrap();
        facts.sort_unstable_by_key(|(post, _)| *post);
        facts.into_iter().map(|(_, facts)| facts).collect::<Vec<_>>()
    };
    assert_admitted([author, one, other], &read).await;
    // An edit of the text changes who is mentioned.
    let markup = ResolvedMarkup { tags: Vec::new(), mentions: vec![mention(other)] };
    for id in &ids {
        let text = PostText::new(None, "바뀐 글").unwrap();
        stores.posts.edit_post(author, *id, text, markup.clone(), None, Timestamp::now()).await.unwrap();
    }
    assert_admitted([author, other, one], read).await;
}

async fn the_comments_of_a_member_have_the_facts_of_their_posts(backend: &Backend) {
    let stores = backend.stores().await;
    let [author, commenter, one, other] = members(&stores).await;
    let mut written = Vec::new();
    for post in posts(&stores, author, &[one]).await {
        written.push(comment(&stores, commenter, post).await);
    }
    let deleted = posts(&stores, author, &[]).await[0];
    comment(&stores, commenter, deleted).await;
    stores.posts.delete_post(author, deleted, Timestamp::now()).await.unwrap();
    let list = async |viewer: MemberId, before: CommentId, limit: usize| {
        stores.comments.comments_by(viewer, commenter, before, limit).await.unwrap()
    };
    let read = async |viewer: MemberId| {
        let listed = list(viewer, CommentId(u64::MAX), 9).await;
        assert!(listed.iter().map(|listed| listed.comment).eq(written.iter().rev().copied()), "newest first");
        listed.iter().rev().map(|listed| listed.post).collect::<Vec<_>>()
    };
    assert_admitted([author, one, other], read).await;
    let below = list(other, written[3], 2).await;
    assert_eq!(below.iter().map(|listed| listed.comment).collect::<Vec<_>>(), [written[2], written[1]]);
}
