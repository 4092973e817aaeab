//! The cases of `cases/text.tsv`: one text per line with its expected tags, mentions, stored form or error.
use crate::{
    common::{Member, PASSWORD},
    search::encoded,
    support::{TestServer, start_server},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const CASES: &str = include_str!("cases/text.tsv");

struct Case {
    line: usize,
    field: &'static str,
    input: Value,
    expected: Value,
}

fn cases() -> Vec<Case> {
    let lines = CASES.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
    let case = |(at, line): (usize, &'static str)| {
        let [field, input, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{line}: {error}"));
        Case { line: at + 1, field, input: json(input), expected: json(expected) }
    };
    lines.map(case).collect()
}

/// Signs up the member with the handle `kim`, which the cases mention.
async fn kim(server: &TestServer) -> Member {
    let who = json!({"email": "kim@kim.example", "password": PASSWORD, "handle": "kim", "memberName": "시험"});
    let url = format!("{}/api/authentication/signup", server.base);
    let answer = crate::common::client().post(url).json(&who).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let id = answer.json::<Value>().await.unwrap()["id"].as_u64().unwrap();
    let email = "kim@kim.example".to_owned();
    let mut kim = Member { http: crate::common::client(), base: server.base.clone(), id, email, token: String::new() };
    kim.log_in().await;
    kim
}

/// Sends the text of a case in its field. Returns the response and the name of the field in it.
async fn send(who: &Member, post: u64, case: &Case) -> (Response, &'static str) {
    let (kind, name) = case.field.split_once('.').unwrap();
    match kind {
        "post" if name == "title" => {
            let body = json!({"title": case.input, "content": "글"});
            (who.send(Method::POST, "/api/posts", body).await, name)
        }
        "post" => (who.send(Method::POST, "/api/posts", json!({"content": case.input})).await, name),
        "comment" => {
            let path = format!("/api/posts/{post}/comments");
            (who.send(Method::POST, &path, json!({"content": case.input})).await, name)
        }
        "member" => (who.send(Method::PATCH, "/api/members/me", json!({name: case.input})).await, name),
        "tag" => {
            let tag = encoded(case.input.as_str().unwrap()).replace('+', "%20");
            (who.send(Method::GET, &format!("/api/timeline/tags/{tag}/posts"), Value::Null).await, name)
        }
        other => panic!("{other}"),
    }
}

/// Returns a description of the difference if the response is not the expected one.
async fn mismatch((answer, name): (Response, &str), case: &Case) -> Option<String> {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let texts = |list: &Value, name: &str| {
        Value::Array(list.as_array().unwrap().iter().map(|item| item[name].clone()).collect())
    };
    let refused = || (status == 422).then(|| [body["code"].clone(), body["errors"][0]["code"].clone()]);
    let expected = match (&case.expected, name) {
        (Value::Array(_), "tags") => status == 201 && texts(&body["tags"], "tag") == case.expected,
        (Value::Array(_), _) => status == 201 && texts(&body["mentions"], "handle") == case.expected,
        (Value::Object(expected), "asked") => status == 200 && expected.contains_key("kept"),
        (Value::Object(expected), _) => matches!(status, 200 | 201) && body[name] == expected["kept"],
        (Value::String(expected), _) => match expected.as_str() {
            "accepted" => matches!(status, 200 | 201) && body[name] == case.input,
            "accepted without the unbalanced mark" => {
                let without = case.input.as_str().unwrap().replace(['\u{202A}', '\u{202E}'], "");
                status == 201 && body[name] == without
            }
            "refused or one line" => status == 422 || body[name].as_str().is_some_and(|text| !text.contains('\n')),
            code => refused().is_some_and(|codes| codes.contains(&json!(code))),
        },
        _ => false,
    };
    (!expected)
        .then(|| format!("line {}: {} {}: {status} {body}, not {}", case.line, case.field, case.input, case.expected))
}

#[tokio::test]
async fn every_text_has_its_expected_value() {
    let server = start_server(|_| {}).await;
    let kim = kim(&server).await;
    let post = kim.post("글").await;
    let (cases, mut failures) = (cases(), Vec::new());
    assert!(cases.len() > 500, "{}", cases.len());
    for case in &cases {
        failures.extend(mismatch(send(&kim, post, case).await, case).await);
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    server.app.shutdown().await;
}

/// Edits have the rules of creations, and signups those of profile changes.
#[tokio::test]
async fn edits_and_signups_have_the_same_rules() {
    let server = start_server(|_| {}).await;
    let kim = kim(&server).await;
    let post = kim.post("글").await;
    let comment = kim.comment(post, None, "댓글").await;
    let mut failures = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let (kind, name) = case.field.split_once('.').unwrap();
        let answer = match (kind, name) {
            ("post", "title") => {
                let body = json!({"title": case.input, "content": format!("글 {number}")});
                kim.send(Method::PUT, &format!("/api/posts/{post}"), body).await
            }
            ("post", _) => kim.send(Method::PUT, &format!("/api/posts/{post}"), json!({"content": case.input})).await,
            ("comment", _) => {
                kim.send(Method::PUT, &format!("/api/comments/{comment}"), json!({"content": case.input})).await
            }
            ("member", _) => {
                let mut who = json!({"email": format!("n{number}@kim.example"), "password": PASSWORD,
                    "handle": format!("newcomer{number}"), "memberName": "시험"});
                who[name] = case.input.clone();
                let url = format!("{}/api/authentication/signup", server.base);
                crate::common::client().post(url).json(&who).send().await.unwrap()
            }
            _ => continue,
        };
        // A creation answers 201 and an edit 200; a profile change answers 200 and a signup 201.
        let status = answer.status();
        let accepted = matches!(case.expected, Value::Array(_) | Value::Object(_));
        if accepted != status.is_success()
            && !case.expected.as_str().is_some_and(|expected| expected.starts_with("accepted"))
        {
            failures.push(format!("line {}: {} {}: {status}", case.line, case.field, case.input));
            continue;
        }
        let body: Value = answer.json().await.unwrap();
        if let Some(kept) = case.expected.get("kept").filter(|kept| body[name] != **kept && name != "displayName") {
            failures.push(format!("line {}: {} {}: {}, not {kept}", case.line, case.field, case.input, body[name]));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    server.app.shutdown().await;
}
