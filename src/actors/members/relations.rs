//! Relations between members: the methods of [`Members`] for follows, requests, blocks and mutes.
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
    storage::{Followed, Listed},
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

    /// Returns whether the list shows hidden members: a blocked member is hidden, and only this list allows to unblock.
    fn includes_hidden(self) -> bool {
        self == Self::Blocks
    }
}

impl Members {
    /// Returns the member with the counts that are visible to the viewer, and the relation between the two.
    ///
    /// Refuses `MemberNotFound` where one of the two blocks the other; a viewer who alone blocks the member still gets
    /// the profile, which says so.
    pub async fn visible_profile(&self, viewer_id: MemberId, mut member: Member) -> Result<(Member, Relation), Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        let relations = &self.stores.relations;
        let relation = relations.relations(viewer_id, &[member.id], Timestamp::now()).await?.pop();
        let relation = relation.unwrap_or_default();
        let blocks_alone = relation.blocked && !relation.blocked_by;
        if !viewer.sees(member.id, Surface::Direct) && !blocks_alone {
            return Err(Refusal::MemberNotFound.into());
        }
        let blocked = &viewer.relations().blocked;
        if !blocked.is_empty() {
            let [followers, followings] = relations.follow_counts_by(member.id, blocked).await?;
            member.counts.followers = member.counts.followers.saturating_sub(followers);
            member.counts.followings = member.counts.followings.saturating_sub(followings);
        }
        Ok((member, relation))
    }

    /// Lists the members that have a relation to `of`, newest relation first, without hidden ones. Refuses
    /// `MemberNotFound`.
    pub async fn relation_list(
        &self,
        viewer_id: MemberId,
        list: RelationList,
        of: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<MemberCard>, Error> {
        let before = match cursor {
            Some(text) => decode_list_cursor(text, list.kind(), of.0)?[0],
            None => u64::MAX,
        };
        let viewer = self.visibility.viewer(viewer_id).await?;
        if self.catalog.cards(&[of]).await?.is_empty() || !viewer.sees(of, Surface::Direct) {
            return Err(Refusal::MemberNotFound.into());
        }
        let relations = &self.stores.relations;
        let listed = match list {
            RelationList::Followers => relations.followers(of, before, limit + 1).await,
            RelationList::Followings => relations.followings(of, before, limit + 1).await,
            RelationList::Requests => relations.follow_requests(of, before, limit + 1).await,
            RelationList::Blocks => relations.blocks(of, before, limit + 1).await,
            RelationList::Mutes => relations.mutes(of, Timestamp::now(), before, limit + 1).await,
        };
        let next = |last: &Listed<MemberCard>| encode_list_cursor(list.kind(), of.0, [last.key, 0]);
        let mut page = page(listed?, limit, next, |listed| listed.item);
        page.items.retain(|card| list.includes_hidden() || viewer.sees(card.id, Surface::Direct));
        Ok(page)
    }

    /// Follows a member, or requests to follow one who approves followers; [`Followed`] says which. Does nothing for a
    /// member who is followed already. Refuses `FollowSelf`, `MemberNotFound`, `FollowBlocked`, `FollowLimit`.
    pub async fn follow(&self, follower: MemberId, followee: MemberId) -> Result<Followed, Error> {
        check_follow(follower, followee)?;
        let key = self.ids.next();
        let follow = |reply| MemberCommand::Follow { key, follower, followee, reply };
        let followed = self.slots.of(follower).ask(follow).await?;
        self.visibility.note_write(follower);
        Ok(followed)
    }

    /// Changes a relation between two members, which is in force for both when this returns. Does nothing where it is
    /// so already. Refuses what [`RelationChange`] says.
    pub async fn change_relation(
        &self,
        change: RelationChange,
        member: MemberId,
        other: MemberId,
    ) -> Result<(), Error> {
        let change = |reply| MemberCommand::ChangeRelation { change, member, other, reply };
        self.slots.of(member).ask(change).await?;
        self.visibility.note_write(member);
        self.visibility.wait_for_own_writes(member).await;
        Ok(())
    }

    /// Blocks a member. Refuses `Invalid` for the member itself, `MemberNotFound`, `BlockLimit`.
    pub async fn block(&self, member: MemberId, other: MemberId) -> Result<(), Error> {
        check_other(member, other).map_err(Refusal::from)?;
        self.change_relation(RelationChange::Block { id: self.ids.next() }, member, other).await
    }

    /// Mutes a member until a time, or without an end. Refuses `Invalid` for the member itself, `MemberNotFound`, `MuteLimit`.
    pub async fn mute(&self, member: MemberId, other: MemberId, until: Option<Timestamp>) -> Result<(), Error> {
        check_other(member, other).map_err(Refusal::from)?;
        let viewer = self.visibility.viewer(member).await?;
        if !viewer.sees(other, Surface::Direct) {
            return Err(Refusal::MemberNotFound.into());
        }
        self.change_relation(RelationChange::Mute { id: self.ids.next(), until }, member, other).await
    }

    /// Accepts a follow request. Refuses `FollowRequestNotFound`.
    pub async fn accept_request(&self, member: MemberId, requester: MemberId) -> Result<(), Error> {
        self.change_relation(RelationChange::Accept { id: self.ids.next() }, member, requester).await
    }
}
