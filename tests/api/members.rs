//! Other members: public profiles, handles, summaries, recommendations.
use crate::support::{all, base, ids, member, problem};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_public_profile_has_no_private_fields() {
    let (who, other) = (member().await, member().await);
    let visible = other.get(&format!("/api/members/{}", who.id)).await;
    assert_eq!(visible["id"], who.id);
    for hidden in ["email", "birthDate", "gender", "countryCode", "languageCode", "timezone"] {
        assert!(visible.get(hidden).is_none(), "{hidden}");
    }
    for shown in ["handle", "displayName", "memberName", "followerCount", "followingCount", "postCount", "createdAt"] {
        assert!(!visible[shown].is_null(), "{shown}");
    }
    for relation in ["following", "requested", "followedBy", "blocked", "muted"] {
        assert_eq!(visible[relation], false, "{relation}");
    }
}

#[tokio::test]
async fn a_profile_by_handle_ignores_case() {
    let (who, other) = (member().await, member().await);
    let handle = who.handle().await;
    for spelling in [handle.clone(), handle.to_uppercase()] {
        assert_eq!(other.get(&format!("/api/members/@{spelling}")).await["id"], who.id);
    }
}

#[tokio::test]
async fn unknown_members_are_not_found() {
    let who = member().await;
    for path in ["/api/members/1", "/api/members/@nobody_at_all", "/api/members/@x", "/api/members/9007199254740991"] {
        problem(who.send(Method::GET, path, Value::Null).await, 404, "MEMBER_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn an_id_other_than_a_number_is_malformed() {
    let who = member().await;
    for path in ["/api/members/abc", "/api/members/-1", "/api/members/1.5"] {
        problem(who.send(Method::GET, path, Value::Null).await, 400, "MALFORMED_REQUEST").await;
    }
}

#[tokio::test]
async fn the_availability_of_a_handle_needs_no_token() {
    let who = member().await;
    let available = |handle: String| async move {
        let answer =
            crate::common::client().get(format!("{}/api/members/handles/{handle}", base())).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["available"].clone()
    };
    assert_eq!(available(who.handle().await.to_uppercase()).await, false);
    assert_eq!(available("free_for_anybody".to_owned()).await, true);
}

#[tokio::test]
async fn a_reserved_handle_is_not_available() {
    for handle in ["admin", "ADMIN", "handles"] {
        let url = format!("{}/api/members/handles/{handle}", base());
        let answer = crate::common::client().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{handle}");
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({"available": false}), "{handle}");
    }
}

#[tokio::test]
async fn an_invalid_handle_is_a_validation_error() {
    for handle in ["me", "a-b-c", "%ED%95%9C%EA%B8%80%20%EC%9D%B4%EB%A6%84", &"a".repeat(51)] {
        let url = format!("{}/api/members/handles/{handle}", base());
        problem(crate::common::client().get(url).send().await.unwrap(), 422, "VALIDATION_FAILED").await;
    }
}

#[tokio::test]
async fn summaries_are_in_the_order_of_the_ids() {
    let (a, b, c) = (member().await, member().await, member().await);
    let body = json!({"ids": [c.id, 1, a.id]});
    let found = b.ok(Method::POST, "/api/members/query", body).await;
    assert_eq!(ids(&found), [c.id, a.id]);
    let keys: Vec<&String> = found["items"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
}

#[tokio::test]
async fn at_most_a_hundred_summaries_can_be_requested() {
    let who = member().await;
    let exactly = json!({"ids": (1..=100).collect::<Vec<u64>>()});
    assert_eq!(who.send(Method::POST, "/api/members/query", exactly).await.status(), 200);
    let more = json!({"ids": (1..=101).collect::<Vec<u64>>()});
    problem(who.send(Method::POST, "/api/members/query", more).await, 422, "MEMBER_IDS_LIMIT_EXCEEDS").await;
}

#[tokio::test]
async fn newest_recommendations_exclude_followed_members_and_oneself() {
    let (who, followed, newest) = (member().await, member().await, member().await);
    who.follow(&followed).await;
    let found = who.get("/api/members/recommendations?strategy=newest&limit=100").await;
    let found = ids(&found);
    assert!(found.contains(&newest.id) && !found.contains(&followed.id) && !found.contains(&who.id));
    assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "newest first");
}

#[tokio::test]
async fn network_recommendations_are_ordered_by_common_follows() {
    let (who, one, two, popular, rare) =
        (member().await, member().await, member().await, member().await, member().await);
    who.follow(&one).await;
    who.follow(&two).await;
    one.follow(&popular).await;
    two.follow(&popular).await;
    two.follow(&rare).await;
    two.follow(&who).await;
    let path = "/api/members/recommendations?strategy=network";
    assert_eq!(all(&who, path, 1).await, [popular.id, rare.id]);
}

#[tokio::test]
async fn an_unknown_strategy_is_refused() {
    let answer = member().await.send(Method::GET, "/api/members/recommendations?strategy=luck", Value::Null).await;
    assert!([400, 422].contains(&answer.status().as_u16()));
}
