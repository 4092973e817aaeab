//! The methods of [`Members`] for the relations between members: follows, follow requests, blocks and mutes.
use super::{Members, commands::MemberCommand};
use crate::{
    actors::{
        error::Error,
        page::{Page, page},
    },
    domain::{
        Member, MemberCard, MemberId, Refusal, Relation, RelationChange, Surface, Timestamp, check_follow, check_other,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
    storage::{Committed, Followed, Listed},
};

/// A list of the members that have a relation to one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationList {
    /// Members that follow the member.
    Followers,
    /// Members that the member follows.
    Followings,
    /// Members that request to follow the member.
    Requests,
    /// Members that the member blocks.
    Blocks,
    /// Members that the member mutes.
    Mutes,
}

impl RelationList {
    fn kind(self) -> ListKind {
        match self {
            Self::Followers => ListKind::Followers,
            Self::Followings => ListKind::Followings,
            Self::Requests => ListKind::FollowRequests,
            Self::Blocks => ListKind::Blocks,
            Self::Mutes => ListKind::Mutes,
        }
    }

    /// Returns whether the list shows hidden members: members whom the member blocks are hidden, and this list is the
    /// only one to unblock them from.
    fn includes_hidden(self) -> bool {
        self == Self::Blocks
    }
}

impl Members {
    /// Returns the member with the counts that are visible to the viewer, and the relation between the two.
    ///
    /// Refuses `MemberNotFound` for a hidden member, except one whom the viewer blocks without being blocked: the
    /// relation shows the block.
    pub async fn visible_profile(&self, viewer_id: MemberId, mut member: Member) -> Result<(Member, Relation), Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        let relations = &self.stores.relations;
        let relation = relations.relations(viewer_id, &[member.id], Timestamp::now()).await?.pop();
        let relation = relation.unwrap_or_default();
        let only_viewer_blocks = relation.blocked && !relation.blocked_by;
        if !viewer.sees(member.id, Surface::Direct) && !only_viewer_blocks {
            return Err(Refusal::MemberNotFound.into());
        }
        let [followers, followings] = self.catalog.hidden_follow_counts(viewer.relations(), &member).await?;
        member.counts.followers = member.counts.followers.saturating_sub(followers);
        member.counts.followings = member.counts.followings.saturating_sub(followings);
        Ok((member, relation))
    }

    /// Lists the members that have a relation to `member`, newest relation first, without hidden ones; the list of
    /// blocks has hidden ones too. Refuses `MemberNotFound`, `CursorInvalid`.
    pub async fn relation_list(
        &self,
        viewer_id: MemberId,
        list: RelationList,
        member: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<MemberCard>, Error> {
        let before = match cursor {
            Some(text) => decode_list_cursor(text, list.kind(), member.0)?[0],
            None => u64::MAX,
        };
        let viewer = self.visibility.viewer(viewer_id).await?;
        if self.catalog.cards(&[member]).await?.is_empty() || !viewer.sees(member, Surface::Direct) {
            return Err(Refusal::MemberNotFound.into());
        }
        let relations = &self.stores.relations;
        let listed = match list {
            RelationList::Followers => relations.followers(member, before, limit + 1).await,
            RelationList::Followings => relations.followings(member, before, limit + 1).await,
            RelationList::Requests => relations.follow_requests(member, before, limit + 1).await,
            RelationList::Blocks => relations.blocks(member, before, limit + 1).await,
            RelationList::Mutes => relations.mutes(member, Timestamp::now(), before, limit + 1).await,
        };
        let next = |last: &Listed<MemberCard>| encode_list_cursor(list.kind(), member.0, [last.key, 0]);
        let mut page = page(listed?, limit, next, |listed| listed.item);
        page.items.retain(|card| list.includes_hidden() || viewer.sees(card.id, Surface::Direct));
        Ok(page)
    }

    /// Follows a member, or requests to follow one who approves followers; [`Followed`] states which. Does nothing for
    /// a member who is followed already. Refuses `FollowSelf`, `MemberNotFound`, `FollowBlocked`, `FollowLimit`,
    /// `FollowRequestsFull`.
    pub async fn follow(&self, follower: MemberId, followee: MemberId) -> Result<Committed<Followed>, Error> {
        check_follow(follower, followee)?;
        let key = self.ids.next();
        let follow = |reply| MemberCommand::Follow { key, follower, followee, reply };
        let followed = self.slots.mailbox_of(follower).ask(follow).await?;
        self.visibility.note_write(follower, followed.at);
        Ok(followed)
    }

    /// Changes a relation between two members, for both of them when this returns. Does nothing and returns false if
    /// the change is in effect already. Refuses what the variants of [`RelationChange`] name, and `Late` as
    /// `Visibility::put_in_force` does.
    pub async fn change_relation(
        &self,
        change: RelationChange,
        member: MemberId,
        other: MemberId,
    ) -> Result<Committed<bool>, Error> {
        let change = |reply| MemberCommand::ChangeRelation { change, member, other, reply };
        let changed = self.slots.mailbox_of(member).ask(change).await?;
        self.visibility.put_in_force(member, changed.at).await?;
        Ok(changed)
    }

    /// Blocks a member. Refuses `Invalid` for the member itself, `MemberNotFound`, `BlockLimit`.
    pub async fn block(&self, member: MemberId, other: MemberId) -> Result<Committed<bool>, Error> {
        check_other(member, other).map_err(Refusal::from)?;
        self.change_relation(RelationChange::Block { id: self.ids.next() }, member, other).await
    }

    /// Mutes a member until a time, or without an end. Refuses `Invalid` for the member itself, `MemberNotFound`,
    /// `MuteLimit`.
    pub async fn mute(
        &self,
        member: MemberId,
        other: MemberId,
        until: Option<Timestamp>,
    ) -> Result<Committed<bool>, Error> {
        check_other(member, other).map_err(Refusal::from)?;
        let viewer = self.visibility.viewer(member).await?;
        if !viewer.sees(other, Surface::Direct) {
            return Err(Refusal::MemberNotFound.into());
        }
        self.change_relation(RelationChange::Mute { id: self.ids.next(), until }, member, other).await
    }

    /// Accepts a follow request. Refuses `FollowRequestNotFound`.
    pub async fn accept_follow_request(&self, member: MemberId, requester: MemberId) -> Result<Committed<bool>, Error> {
        self.change_relation(RelationChange::Accept { id: self.ids.next() }, member, requester).await
    }
}
