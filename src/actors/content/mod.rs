//! Posts, comments and likes are written here.
mod actor;
mod comments;

use super::{Error, Page, Reply, StartError, Supervisor, page, slots::Slots, timeline::Timeline, views::Views};
use crate::{
    domain::{
        Comment, CommentId, CommentText, IdGenerator, ImageId, LikeState, MemberCard, MemberId, Mention, Outcome,
        Picture, Position, Post, PostCounts, PostId, PostText, Receipt, Refusal, Surface, Tag, Timestamp, VisiblePost,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
        markup,
    },
    storage::{CommentStore, ImageStore, LikeStore, MemberStore, Stores},
};
use std::sync::Arc;

/// What one slot's content actor can be asked. Every message is answered once its commit is durable.
pub(super) enum Message {
    /// Stores a post with its receipt.
    Publish { post: Post, receipt: Option<Receipt>, reply: Reply<Outcome<Position>> },
    /// Changes the text of an author's post.
    EditPost { author: MemberId, id: PostId, text: PostText, found: Found, over: Option<Arc<Post>>, reply: Reply<()> },
    /// Deletes an author's post.
    DeletePost { author: MemberId, id: PostId, reply: Reply<()> },
    /// Sets or withdraws a like; `at` orders the likers.
    LikePost { at: u64, member: MemberId, id: PostId, like: bool, reply: Reply<LikeState> },
    /// Stores a comment with its receipt.
    Comment { comment: Comment, receipt: Option<Receipt>, reply: Reply<Outcome<Position>> },
    /// Changes the text of an author's comment.
    EditComment {
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        over: Option<Box<Comment>>,
        reply: Reply<()>,
    },
    /// Deletes an author's comment.
    DeleteComment { author: MemberId, id: CommentId, reply: Reply<()> },
    /// Sets or withdraws a like.
    LikeComment { at: u64, member: MemberId, id: CommentId, like: bool, reply: Reply<LikeState> },
    #[cfg(test)]
    Crash { when: tokio::sync::oneshot::Receiver<()>, reply: Reply<()> },
}

/// What was found in a text.
type Found = (Vec<Tag>, Vec<Mention>);

/// Content, from outside. Writes go through the acting member's slot; reads need no order and skip it.
#[derive(Clone)]
pub struct Content {
    slots: Slots<Message>,
    comments: Arc<dyn CommentStore>,
    likes: Arc<dyn LikeStore>,
    members: Arc<dyn MemberStore>,
    images: Arc<dyn ImageStore>,
    ids: Arc<IdGenerator>,
    timeline: Timeline,
    views: Views,
}

impl Content {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        ids: Arc<IdGenerator>,
        timeline: Timeline,
        views: Views,
    ) -> Result<Self, StartError> {
        let (comments, likes) = (stores.comments.clone(), stores.likes.clone());
        let (members, images) = (stores.members.clone(), stores.images.clone());
        let of_actor = (stores.posts.clone(), comments.clone(), likes.clone());
        let slots = Slots::start(supervisor, "content", move || (actor::ContentActor, of_actor.clone())).await?;
        Ok(Self { slots, comments, likes, members, images, ids, timeline, views })
    }

    /// A post as it will be: id, time, mentions and author are known before anything is stored. Refuses `ImageNotFound`.
    pub async fn draft_post(&self, author: MemberId, text: PostText) -> Result<VisiblePost, Error> {
        let (tags, mentions) = self.markup(author, text.content()).await?;
        let images = self.pictures(text.images().unwrap_or_default()).await?;
        let post = Post {
            id: PostId(self.ids.next()),
            author,
            title: text.title().map(str::to_owned),
            content: text.content().to_owned(),
            tags,
            mentions,
            images,
            counts: PostCounts::default(),
            created_at: Timestamp::now(),
            edited_at: None,
        };
        Ok(VisiblePost::plain(Arc::new(post), self.card(author).await?))
    }

    /// Stores a draft. Its followers see it later, through the event log; its author at the next read. Refuses
    /// `ImageForbidden`, and `Invalid` for images that are on something.
    pub async fn publish(&self, draft: VisiblePost, receipt: Option<Receipt>) -> Result<Outcome<()>, Error> {
        let post = Arc::unwrap_or_clone(draft.post);
        let author = post.author;
        let outcome = self.slots.of(author).ask(|reply| Message::Publish { post, receipt, reply }).await?;
        self.timeline.wrote(author);
        Ok(done(outcome))
    }

    /// One post, and a view of it. Refuses `PostNotFound`.
    pub async fn post(&self, viewer: MemberId, id: PostId) -> Result<VisiblePost, Error> {
        let seen = self.timeline.post(viewer, id).await?.ok_or(Refusal::PostNotFound)?;
        if seen.post.author != viewer {
            self.views.saw(viewer, id);
        }
        Ok(seen)
    }

    /// The same for somebody who is not shown it: no view counts, and no stream tells of its counts.
    pub async fn glance(&self, viewer_id: MemberId, id: PostId) -> Result<VisiblePost, Error> {
        let viewer = self.timeline.viewer(viewer_id).await?;
        self.timeline.posts(&viewer, &[id], Surface::Direct).await?.pop().ok_or(Refusal::PostNotFound.into())
    }

    /// Changes the text, and the images where they are said; where `over` says what is to be changed, that alone:
    /// refuses `PreconditionFailed` if it has been changed since. Refuses `PostNotFound`, `PostUpdateForbidden`, and for
    /// images what `publish` refuses.
    pub async fn edit_post(
        &self,
        author: MemberId,
        id: PostId,
        text: PostText,
        over: Option<Arc<Post>>,
    ) -> Result<VisiblePost, Error> {
        self.seen_by(author, id).await?;
        let found = self.markup(author, text.content()).await?;
        self.slots.of(author).ask(|reply| Message::EditPost { author, id, text, found, over, reply }).await?;
        self.timeline.wrote(author);
        self.timeline.post(author, id).await?.ok_or(Refusal::PostNotFound.into())
    }

    /// Refuses `PostNotFound` for a post that the member may not see, before anything else is said of it.
    async fn seen_by(&self, member: MemberId, id: PostId) -> Result<(), Error> {
        self.timeline.post(member, id).await?.map(|_| ()).ok_or(Refusal::PostNotFound.into())
    }

    /// Deletes it everywhere at once; refuses `PostNotFound`, `PostDeleteForbidden`.
    pub async fn delete_post(&self, author: MemberId, id: PostId) -> Result<(), Error> {
        self.seen_by(author, id).await?;
        self.slots.of(author).ask(|reply| Message::DeletePost { author, id, reply }).await?;
        self.timeline.wrote(author);
        // Gone for everybody by the time that its author is told so.
        self.timeline.caught_up(author).await;
        Ok(())
    }

    /// Sets or withdraws a like; refuses `PostNotFound`.
    pub async fn like_post(&self, member: MemberId, id: PostId, like: bool) -> Result<LikeState, Error> {
        let viewer = self.timeline.viewer(member).await?;
        self.timeline.posts(&viewer, &[id], Surface::Direct).await?.pop().ok_or(Refusal::PostNotFound)?;
        let at = self.ids.next();
        let message = |reply| Message::LikePost { at, member, id, like, reply };
        let state = self.slots.of(member).ask(message).await?;
        self.timeline.wrote(member);
        if viewer.relations().blocked.is_empty() {
            return Ok(state);
        }
        // The count is what this member sees of it.
        let seen = self.timeline.post(member, id).await?.ok_or(Refusal::PostNotFound)?;
        Ok(LikeState { like_count: seen.counts().likes, ..state })
    }

    /// Who likes the post, newest like first; refuses `PostNotFound`.
    pub async fn post_likes(
        &self,
        viewer_id: MemberId,
        id: PostId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<MemberCard>, Error> {
        let viewer = self.timeline.viewer(viewer_id).await?;
        self.timeline.posts(&viewer, &[id], Surface::Direct).await?.pop().ok_or(Refusal::PostNotFound)?;
        let place = cursor.map(|text| decode_list_cursor(text, ListKind::PostLikes, id.0)).transpose()?;
        let before = place.map_or(u64::MAX, |[before, _]| before);
        let likes = self.likes.post_likes(id, before, limit + 1).await?;
        let next = |last: &_| encode_list_cursor(ListKind::PostLikes, id.0, [place_of(last), 0]);
        let mut page = page(likes, limit, next, |listed| listed.item);
        page.items.retain(|card| viewer.sees(card.id, Surface::Direct));
        Ok(page)
    }

    /// Makes the slot's actor fail, once told to.
    #[cfg(test)]
    pub(crate) async fn crash(&self, slot_of: MemberId, when: tokio::sync::oneshot::Receiver<()>) -> Result<(), Error> {
        self.slots.of(slot_of).ask(|reply| Message::Crash { when, reply }).await
    }

    async fn card(&self, member: MemberId) -> Result<Arc<MemberCard>, Error> {
        self.timeline.cards(&[member]).await?.pop().ok_or(Refusal::MemberNotFound.into())
    }

    /// Images in the order asked, whoever they belong to: the commit knows better. Refuses `ImageNotFound`.
    async fn pictures(&self, ids: &[ImageId]) -> Result<Vec<Picture>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.images.images(ids).await?;
        let picture = |id: &ImageId| found.iter().map(|image| image.picture).find(|picture| picture.id == *id);
        ids.iter().map(|id| picture(id).ok_or(Refusal::ImageNotFound.into())).collect()
    }

    /// The tags of a text, and those of its mentions that name somebody whom the author sees.
    async fn markup(&self, author: MemberId, text: &str) -> Result<Found, Error> {
        let found = markup::find(text);
        if found.mentioned.is_empty() {
            return Ok((found.tags, Vec::new()));
        }
        let keys: Vec<String> = found.mentioned.iter().map(|mentioned| mentioned.key.clone()).collect();
        let viewer = self.timeline.viewer(author).await?;
        let mut cards = self.members.cards_by_handle(&keys).await?;
        cards.retain(|card| viewer.sees(card.id, Surface::Direct));
        let mention = |mentioned: markup::Mentioned| {
            let card = cards.iter().find(|card| card.handle.eq_ignore_ascii_case(&mentioned.key))?;
            let (handle, member) = (card.handle.clone(), card.id);
            Some(Mention { handle, member, start: mentioned.start, end: mentioned.end })
        };
        Ok((found.tags, found.mentioned.into_iter().filter_map(mention).collect()))
    }
}

fn place_of<T>(listed: &crate::storage::Listed<T>) -> u64 {
    listed.key
}

/// What the outside needs to know of an outcome.
fn done(outcome: Outcome<Position>) -> Outcome<()> {
    match outcome {
        Outcome::Done(_) => Outcome::Done(()),
        Outcome::Repeated(answer) => Outcome::Repeated(answer),
    }
}
