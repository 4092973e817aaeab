//! Tags and mentions in texts: their values and their start and end, counted in code points.
use crate::{
    common::Member,
    support::{eventually, ids, member},
};
use proptest::{
    prelude::{Just, Strategy},
    prop_oneof,
    strategy::ValueTree,
    test_runner::TestRunner,
};
use reqwest::Method;
use serde_json::{Value, json};

async fn write(who: &Member, content: &str) -> Value {
    who.ok(Method::POST, "/api/posts", json!({"content": content})).await
}

/// Returns every tag of a post with its start and end.
fn tags(post: &Value) -> Vec<(String, u64, u64)> {
    let tag = |tag: &Value| {
        (tag["tag"].as_str().unwrap().to_owned(), tag["start"].as_u64().unwrap(), tag["end"].as_u64().unwrap())
    };
    post["tags"].as_array().unwrap().iter().map(tag).collect()
}

macro_rules! tagged {
    ($($name:ident: $content:literal => [$(($tag:literal, $start:literal, $end:literal)),*];)*) => {
        $(#[tokio::test]
        async fn $name() {
            let expected: Vec<(String, u64, u64)> = vec![$(($tag.to_owned(), $start, $end)),*];
            assert_eq!(tags(&write(&member().await, $content).await), expected);
        })*
    };
}

tagged! {
    a_tag_in_hangul: "#한글" => [("한글", 0, 3)];
    a_tag_after_korean_text: "오늘은 #서울 에서" => [("서울", 4, 7)];
    a_tag_after_an_emoji_of_seven_code_points: "👨‍👩‍👧‍👦 #가족" => [("가족", 8, 11)];
    a_tag_after_an_emoji_beyond_16_bits: "😀😀 #둘" => [("둘", 3, 5)];
    two_tags_side_by_side: "#하나 #둘" => [("하나", 0, 3), ("둘", 4, 6)];
    a_tag_ends_at_a_comma: "#커피, 좋다" => [("커피", 0, 3)];
    a_tag_ends_at_a_line_break: "#하나\n#둘" => [("하나", 0, 3), ("둘", 4, 6)];
    a_tag_with_digits_and_an_underscore: "#주말_2026" => [("주말_2026", 0, 8)];
    a_hash_alone_is_no_tag: "# 하나 # 둘 #" => [];
    a_tag_in_parentheses: "(#서울)" => [("서울", 1, 4)];
}

#[tokio::test]
async fn a_mention_ignores_case() {
    let (who, other) = (member().await, member().await);
    let handle = other.handle().await;
    let post = write(&who, &format!("안녕 @{}!", handle.to_uppercase())).await;
    let mention = &post["mentions"][0];
    assert_eq!(mention["memberId"], other.id);
    let end = 3 + 1 + handle.chars().count() as u64;
    assert_eq!((mention["start"].as_u64(), mention["end"].as_u64()), (Some(3), Some(end)));
}

#[tokio::test]
async fn a_member_mentioned_twice_has_two_mentions() {
    let (who, other) = (member().await, member().await);
    let handle = other.handle().await;
    let post = write(&who, &format!("@{handle} @{handle}")).await;
    let starts: Vec<_> = post["mentions"].as_array().unwrap().iter().map(|found| found["start"].as_u64()).collect();
    assert_eq!(starts, [Some(0), Some(handle.chars().count() as u64 + 2)]);
}

#[tokio::test]
async fn an_email_address_is_no_mention() {
    let (who, other) = (member().await, member().await);
    let post = write(&who, &format!("write to x@{}.example", other.handle().await)).await;
    assert_eq!(post["mentions"], json!([]));
}

#[tokio::test]
async fn posts_in_feeds_have_tags_and_mentions() {
    let (who, other) = (member().await, member().await);
    let post = write(&who, &format!("#하나 @{}", other.handle().await)).await;
    let listed = &who.get("/api/timeline/posts/mine").await["items"][0];
    assert_eq!((&listed["tags"], &listed["mentions"]), (&post["tags"], &post["mentions"]));
}

#[tokio::test]
async fn an_edit_finds_new_mentions() {
    let (who, other) = (member().await, member().await);
    let id = write(&who, "아직 아무도").await["id"].clone();
    let body = json!({"content": format!("이제 @{}", other.handle().await)});
    let edited = who.ok(Method::PUT, &format!("/api/posts/{id}"), body).await;
    assert_eq!(edited["mentions"][0]["memberId"], other.id);
}

#[tokio::test]
async fn a_tag_written_twice_lists_its_post_once() {
    let who = member().await;
    let tag = format!("두번{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let post = write(&who, &format!("#{tag} 그리고 #{tag}")).await;
    let path = format!("/api/timeline/tags/{tag}/posts");
    let feed = eventually(&who, &path, |feed| !ids(feed).is_empty()).await;
    assert_eq!(ids(&feed), [post["id"].as_u64().unwrap()]);
}

#[tokio::test]
async fn a_deleted_post_is_in_no_tag_feed() {
    let who = member().await;
    let tag = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..10]);
    let post = write(&who, &format!("#{tag}")).await;
    who.delete(&format!("/api/posts/{}", post["id"])).await;
    assert_eq!(who.get(&format!("/api/timeline/tags/{tag}/posts")).await["items"], json!([]));
}

/// Random texts: each tag and mention equals the text between its start and end, in order and without overlap.
#[tokio::test]
async fn starts_and_ends_match_the_text() {
    let (who, other) = (member().await, member().await);
    let handle = other.handle().await;
    let piece = prop_oneof![
        Just("#".to_owned()),
        Just("＃".to_owned()),
        Just("@".to_owned()),
        Just(format!("@{handle}")),
        Just("#한글".to_owned()),
        Just("한".to_owned()),
        Just("\u{1112}\u{1161}\u{11AB}".to_owned()),
        Just("👨‍👩‍👧‍👦".to_owned()),
        Just("e\u{301}".to_owned()),
        Just("İ".to_owned()),
        Just("Tag_7".to_owned()),
        Just("-".to_owned()),
        Just(" ".to_owned()),
        Just("\n".to_owned()),
    ];
    let texts = proptest::collection::vec(piece, 1..20).prop_map(|pieces| format!("글 {} 끝", pieces.concat()));
    let mut runner = TestRunner::deterministic();
    for _ in 0..200 {
        let text = texts.new_tree(&mut runner).unwrap().current();
        let post = write(&who, &text).await;
        let content: Vec<char> = post["content"].as_str().unwrap().chars().collect();
        for (kind, signs) in [("tags", "#＃"), ("mentions", "@＠")] {
            let mut last = 0;
            for found in post[kind].as_array().unwrap() {
                let (start, end) = (found["start"].as_u64().unwrap() as usize, found["end"].as_u64().unwrap() as usize);
                assert!(last <= start && start + 1 < end && end <= content.len(), "{kind} of {text:?}: {found}");
                assert!(signs.contains(content[start]), "{kind} of {text:?}: {found}");
                let named: String = content[start + 1..end].iter().collect();
                if kind == "mentions" {
                    assert_eq!(
                        (named.to_lowercase(), &found["memberId"]),
                        (handle.clone(), &json!(other.id)),
                        "{text:?}"
                    );
                }
                last = end;
            }
        }
    }
}
