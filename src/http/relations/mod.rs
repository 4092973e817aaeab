//! Relations between members: follows, follow requests, blocks and mutes.
mod blocks_and_mutes;
mod follow_requests;
mod follows;

pub(super) use blocks_and_mutes::*;
pub(super) use follow_requests::*;
pub(super) use follows::*;

use super::{extract::Paging, problem::Problem, response, views::MemberPage};
use crate::{
    actors::{
        Committed,
        members::{Members, RelationList},
    },
    domain::{Identity, MemberId, RelationChange},
};
use axum::{http::StatusCode, response::Response};

/// Responds with a page of one of a member's lists, as the caller sees it.
async fn list_relations(
    members: &Members,
    caller: Identity,
    list: RelationList,
    of: MemberId,
    paging: &Paging,
) -> Result<Response, Problem> {
    let page = members.relation_list(caller.member, list, of, paging.cursor(), paging.limit()).await?;
    Ok(response::ok(&MemberPage::new(&page.items, page.next.as_deref())))
}

/// Responds with a page of one of the caller's own lists.
async fn list_own(
    members: &Members,
    caller: Identity,
    list: RelationList,
    paging: &Paging,
) -> Result<Response, Problem> {
    list_relations(members, caller, list, caller.member, paging).await
}

/// Changes the caller's relation to another member, and responds with 204.
async fn change_relation(
    members: &Members,
    caller: Identity,
    change: RelationChange,
    other: MemberId,
) -> Result<Committed<StatusCode>, Problem> {
    Ok(response::no_content(members.change_relation(change, caller.member, other).await?))
}
