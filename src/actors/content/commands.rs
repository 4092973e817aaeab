//! `ContentCommand`: the commands on posts, comments and likes, one variant and one store call each.
use crate::{
    actors::{
        command_actor::{Command, submit_then_reply},
        error::Reply,
        mailbox::Permit,
    },
    domain::{
        Comment, CommentId, CommentText, LikeState, MemberId, Outcome, Post, PostId, PostText, Receipt, Timestamp,
        markup::ResolvedMarkup,
    },
    storage::{CommentStore, Committed, LikeStore, PostStore},
};
use std::sync::Arc;

/// A command on posts, comments and likes. Its reply is sent when its commit is durable, with the position of it.
///
/// `expected` is the version that the author edited; the store refuses the edit if the stored one differs.
pub(super) enum ContentCommand {
    /// Stores a post with its receipt; replies whether it was stored now.
    CreatePost { post: Post, receipt: Option<Receipt>, reply: Reply<Committed<Outcome>> },
    /// Changes the text of an author's post, and its images if `text` names any.
    EditPost {
        author: MemberId,
        id: PostId,
        text: PostText,
        markup: ResolvedMarkup,
        expected: Option<Arc<Post>>,
        reply: Reply<Committed<Post>>,
    },
    /// Deletes an author's post.
    DeletePost { author: MemberId, id: PostId, reply: Reply<Committed<()>> },
    /// Sets or withdraws a member's like of a post; `key` orders the list of likes.
    LikePost { key: u64, member: MemberId, id: PostId, like: bool, reply: Reply<Committed<LikeState>> },
    /// Stores a comment with its receipt; replies whether it was stored now.
    CreateComment { comment: Comment, receipt: Option<Receipt>, reply: Reply<Committed<Outcome>> },
    /// Changes the text of an author's comment.
    EditComment {
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        expected: Option<Box<Comment>>,
        reply: Reply<Committed<()>>,
    },
    /// Deletes an author's comment.
    DeleteComment { author: MemberId, id: CommentId, reply: Reply<Committed<()>> },
    /// Sets or withdraws a member's like of a comment; `key` orders the likes.
    LikeComment { key: u64, member: MemberId, id: CommentId, like: bool, reply: Reply<Committed<LikeState>> },
    /// Panics when `when` is sent.
    #[cfg(test)]
    Crash { when: tokio::sync::oneshot::Receiver<()>, reply: Reply<()> },
}

/// The stores that content commands write to. The handle reads from them too.
#[derive(Clone)]
pub(super) struct ContentStores {
    pub(super) posts: Arc<dyn PostStore>,
    pub(super) comments: Arc<dyn CommentStore>,
    pub(super) likes: Arc<dyn LikeStore>,
}

impl Command for ContentCommand {
    type State = ContentStores;

    async fn run(self, stores: &ContentStores, permit: Permit) {
        let now = Timestamp::now();
        match self {
            Self::CreatePost { post, receipt, reply } => {
                let posts = stores.posts.clone();
                let create = async move { Ok(posts.create_post(post, receipt).await?) };
                submit_then_reply(permit, reply, create).await;
            }
            Self::EditPost { author, id, text, markup, expected, reply } => {
                let posts = stores.posts.clone();
                let edit = async move { Ok(posts.edit_post(author, id, text, markup, expected, now).await?) };
                submit_then_reply(permit, reply, edit).await;
            }
            Self::DeletePost { author, id, reply } => {
                let posts = stores.posts.clone();
                let delete = async move { Ok(posts.delete_post(author, id, now).await?) };
                submit_then_reply(permit, reply, delete).await;
            }
            Self::LikePost { key, member, id, like, reply } => {
                let likes = stores.likes.clone();
                let like = async move { Ok(likes.like_post(key, member, id, like).await?) };
                submit_then_reply(permit, reply, like).await;
            }
            Self::CreateComment { comment, receipt, reply } => {
                let comments = stores.comments.clone();
                let create = async move { Ok(comments.create_comment(comment, receipt).await?) };
                submit_then_reply(permit, reply, create).await;
            }
            Self::EditComment { author, id, text, mentions, expected, reply } => {
                let comments = stores.comments.clone();
                let expected = expected.map(|expected| *expected);
                let edit = async move {
                    let edited = comments.edit_comment(author, id, text, mentions, expected, now).await?;
                    Ok(edited.map(drop))
                };
                submit_then_reply(permit, reply, edit).await;
            }
            Self::DeleteComment { author, id, reply } => {
                let comments = stores.comments.clone();
                let delete = async move { Ok(comments.delete_comment(author, id, now).await?) };
                submit_then_reply(permit, reply, delete).await;
            }
            Self::LikeComment { key, member, id, like, reply } => {
                let likes = stores.likes.clone();
                let like = async move { Ok(likes.like_comment(key, member, id, like).await?) };
                submit_then_reply(permit, reply, like).await;
            }
            #[cfg(test)]
            Self::Crash { when, reply } => {
                let _ = when.await;
                drop(reply);
                panic!("a test asked for a crash")
            }
        }
    }
}
