//! What is between members, from outside: follows, requests, blocks, mutes.
use super::{Members, Message};
use crate::{
    actors::{Error, Page, page},
    domain::{
        Member, MemberCard, MemberId, Refusal, Relation, RelationChange, Surface, Timestamp,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
        may_follow, other_than,
    },
    storage::{Followed, Listed},
};

/// A list of members that stand in a row with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationList {
    /// Who follows the member.
    Followers,
    /// Whom the member follows.
    Followings,
    /// Who has asked to follow the member.
    Requests,
    /// Whom the member blocks.
    Blocks,
    /// Whom the member mutes.
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

    /// Whom one blocks is listed though one does not see them: there is no other place to lift a block.
    fn is_of_the_unseen(self) -> bool {
        self == Self::Blocks
    }
}

impl Members {
    /// One member in full, and how the viewer and the member stand. Refuses `MemberNotFound`, also where one of them
    /// is blocked by the other; but who blocks somebody still sees the profile, and that it is blocked.
    pub async fn seen(&self, viewer_id: MemberId, mut member: Member) -> Result<(Member, Relation), Error> {
        let viewer = self.timeline.viewer(viewer_id).await?;
        let relation = self.relations.relations(viewer_id, &[member.id], Timestamp::now()).await?.pop();
        let relation = relation.unwrap_or_default();
        let seen = viewer.sees(member.id, Surface::Direct) || relation.blocked && !relation.blocked_by;
        if !seen {
            return Err(Refusal::MemberNotFound.into());
        }
        let apart = &viewer.relations().blocked;
        if !apart.is_empty() {
            let [followers, followings] = self.relations.follow_counts_by(member.id, apart).await?;
            member.counts.followers = member.counts.followers.saturating_sub(followers);
            member.counts.followings = member.counts.followings.saturating_sub(followings);
        }
        Ok((member, relation))
    }

    /// One page of a list, newest first, without those whom the viewer does not see. Refuses `MemberNotFound`.
    pub async fn relation_list(
        &self,
        viewer_id: MemberId,
        list: RelationList,
        of: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<MemberCard>, Error> {
        let place = cursor.map(|text| decode_list_cursor(text, list.kind(), of.0)).transpose()?;
        let before = place.map_or(u64::MAX, |[before, _]| before);
        let viewer = self.timeline.viewer(viewer_id).await?;
        let known = self.timeline.cards(&[of]).await?.pop().filter(|_| viewer.sees(of, Surface::Direct));
        known.ok_or(Refusal::MemberNotFound)?;
        let listed = match list {
            RelationList::Followers => self.relations.followers(of, before, limit + 1).await,
            RelationList::Followings => self.relations.followings(of, before, limit + 1).await,
            RelationList::Requests => self.relations.follow_requests(of, before, limit + 1).await,
            RelationList::Blocks => self.relations.blocks(of, before, limit + 1).await,
            RelationList::Mutes => self.relations.mutes(of, Timestamp::now(), before, limit + 1).await,
        };
        let next = |last: &Listed<MemberCard>| encode_list_cursor(list.kind(), of.0, [last.key, 0]);
        let mut page = page(listed?, limit, next, |listed| listed.item);
        page.items.retain(|card| list.is_of_the_unseen() || viewer.sees(card.id, Surface::Direct));
        Ok(page)
    }

    /// Makes one follow the other, or ask to where the other approves followers: says whether it was asked. Nothing
    /// where it is so already. Refuses `FollowSelf`, `MemberNotFound`, `FollowBlocked`, `FollowLimit`.
    pub async fn follow(&self, follower: MemberId, followee: MemberId) -> Result<Followed, Error> {
        may_follow(follower, followee)?;
        let at = self.ids.next();
        let followed = self.slots.of(follower).ask(|reply| Message::Follow { at, follower, followee, reply }).await?;
        self.timeline.wrote(follower);
        Ok(followed)
    }

    /// Changes what is between two members; nothing where it is so already. Refuses what [`RelationChange`] says.
    pub async fn change_relation(
        &self,
        change: RelationChange,
        member: MemberId,
        other: MemberId,
    ) -> Result<(), Error> {
        let message = |reply| Message::ChangeRelation { change, member, other, reply };
        self.slots.of(member).ask(message).await?;
        self.timeline.wrote(member);
        // A block is in force on both sides by the time that it is acknowledged.
        self.timeline.caught_up(member).await;
        Ok(())
    }

    /// Blocks. Refuses what is done to oneself, `MemberNotFound`, `BlockLimit`.
    pub async fn block(&self, member: MemberId, other: MemberId) -> Result<(), Error> {
        other_than(member, other).map_err(Refusal::from)?;
        self.change_relation(RelationChange::Block(self.ids.next()), member, other).await
    }

    /// Mutes, until then or for good. Refuses what is done to oneself, `MemberNotFound`, `MuteLimit`.
    pub async fn mute(&self, member: MemberId, other: MemberId, until: Option<Timestamp>) -> Result<(), Error> {
        other_than(member, other).map_err(Refusal::from)?;
        let viewer = self.timeline.viewer(member).await?;
        if !viewer.sees(other, Surface::Direct) {
            return Err(Refusal::MemberNotFound.into());
        }
        self.change_relation(RelationChange::Mute(self.ids.next(), until), member, other).await
    }

    /// Accepts a request. Refuses `FollowRequestNotFound`.
    pub async fn accept(&self, member: MemberId, requester: MemberId) -> Result<(), Error> {
        self.change_relation(RelationChange::Accept(self.ids.next()), member, requester).await
    }
}
