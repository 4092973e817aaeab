//! What was checked against a password that is another by now does nothing.
use crate::{
    common::{Member, PASSWORD},
    support::member,
};
use futures::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

const OTHER: &str = "N3wpass!word";

async fn log_in(who: &Member, password: &str) -> Response {
    let login = json!({"email": who.email, "password": password});
    crate::common::client().post(format!("{}/api/authentication/login", who.base)).json(&login).send().await.unwrap()
}

async fn change(who: &Member, current: &str, new: &str) -> u16 {
    let change = json!({"currentPassword": current, "newPassword": new});
    who.send(Method::PUT, "/api/authentication/password", change).await.status().as_u16()
}

async fn token(answer: Response) -> Option<String> {
    let status = answer.status();
    assert!([200, 401].contains(&status.as_u16()), "{status}");
    let login: Value = answer.json().await.unwrap();
    login["accessToken"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn no_login_with_the_old_password_outlives_its_change() {
    for _ in 0..3 {
        let who = member().await;
        let logins = join_all((0..20).map(|_| async { token(log_in(&who, PASSWORD).await).await }));
        let (logins, changed) = tokio::join!(logins, change(&who, PASSWORD, OTHER));
        assert_eq!(changed, 204);
        for token in logins.into_iter().flatten() {
            let session = Member { token, ..who.clone() };
            assert_eq!(session.call(Method::GET, "/api/members/me", None).await, 401);
        }
        let sessions = who.get("/api/authentication/sessions").await;
        assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "the one that changed it");
        assert_eq!(log_in(&who, PASSWORD).await.status(), 401);
        assert_eq!(log_in(&who, OTHER).await.status(), 200);
    }
}

#[tokio::test]
async fn of_two_who_change_a_password_at_once_one_does() {
    for _ in 0..3 {
        let first = member().await;
        let mut second = first.clone();
        second.log_in().await;
        let news = ["F1rst!password", "S3cond!password"];
        let answers = tokio::join!(change(&first, PASSWORD, news[0]), change(&second, PASSWORD, news[1]));
        let done = [answers.0, answers.1];
        let winner = done.iter().position(|status| *status == 204).expect("one of them");
        assert!([401, 422].contains(&done[1 - winner]), "{done:?}");
        assert_eq!(log_in(&first, news[winner]).await.status(), 200);
        assert_eq!(log_in(&first, news[1 - winner]).await.status(), 401);
    }
}

#[tokio::test]
async fn of_two_who_leave_and_change_at_once_one_does() {
    let who = member().await;
    let leave = async {
        let body = json!({"password": PASSWORD});
        who.send(Method::DELETE, "/api/authentication/deactivate", body).await.status().as_u16()
    };
    let (changed, left) = tokio::join!(change(&who, PASSWORD, OTHER), leave);
    assert_eq!([changed, left].iter().filter(|status| **status == 204).count(), 1, "{changed} {left}");
    let (old, new) = (log_in(&who, PASSWORD).await.status(), log_in(&who, OTHER).await.status());
    assert_eq!(old == 200, left == 204, "who has left comes back with the password that they had");
    assert_eq!(new == 200, changed == 204);
}

/// Many at once with the right password, checked one after the other: all of them are let in.
#[tokio::test]
async fn twenty_devices_log_in_at_once() {
    let who = member().await;
    let tokens = join_all((0..20).map(|_| async { token(log_in(&who, PASSWORD).await).await })).await;
    let mut tokens: Vec<String> = tokens.into_iter().map(|token| token.expect("let in")).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 20);
}
