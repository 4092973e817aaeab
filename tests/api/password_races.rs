//! Races with a password change: logins, changes and deactivations that were checked against the old password fail.
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
async fn no_login_with_the_old_password_survives_the_change() {
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
        assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "only the session that changed it");
        assert_eq!(log_in(&who, PASSWORD).await.status(), 401);
        assert_eq!(log_in(&who, OTHER).await.status(), 200);
    }
}

#[tokio::test]
async fn one_of_two_concurrent_password_changes_succeeds() {
    for _ in 0..3 {
        let first = member().await;
        let mut second = first.clone();
        second.log_in().await;
        let news = ["F1rst!password", "S3cond!password"];
        let answers = tokio::join!(change(&first, PASSWORD, news[0]), change(&second, PASSWORD, news[1]));
        let done = [answers.0, answers.1];
        let winner = done.iter().position(|status| *status == 204).expect("one change succeeds");
        assert!([401, 422].contains(&done[1 - winner]), "{done:?}");
        assert_eq!(log_in(&first, news[winner]).await.status(), 200);
        assert_eq!(log_in(&first, news[1 - winner]).await.status(), 401);
    }
}

#[tokio::test]
async fn of_a_deactivation_and_a_password_change_one_succeeds() {
    let who = member().await;
    let deactivate = async {
        let body = json!({"password": PASSWORD});
        who.send(Method::DELETE, "/api/authentication/deactivate", body).await.status().as_u16()
    };
    let (changed, deactivated) = tokio::join!(change(&who, PASSWORD, OTHER), deactivate);
    assert_eq!([changed, deactivated].iter().filter(|status| **status == 204).count(), 1, "{changed} {deactivated}");
    let (old, new) = (log_in(&who, PASSWORD).await.status(), log_in(&who, OTHER).await.status());
    assert_eq!(old == 200, deactivated == 204, "the old password restores a deactivated member");
    assert_eq!(new == 200, changed == 204);
}

/// The server checks concurrent logins of one account one after the other; all of them succeed.
#[tokio::test]
async fn twenty_concurrent_logins_all_succeed() {
    let who = member().await;
    let tokens = join_all((0..20).map(|_| async { token(log_in(&who, PASSWORD).await).await })).await;
    let mut tokens: Vec<String> = tokens.into_iter().map(|token| token.expect("a token")).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 20);
}
