//! Normalisation of email addresses and passwords at signup and login.
use crate::{
    common::{Member, PASSWORD},
    signup::{send, unique, valid_signup},
    support::{fields, problem, start_server},
};
use argon2::{Argon2, PasswordHasher};
use reqwest::Response;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

async fn log_in(base: &str, email: &str, password: &str) -> u16 {
    let login = json!({"email": email, "password": password});
    let request = crate::common::client().post(format!("{base}/api/authentication/login")).json(&login);
    request.send().await.unwrap().status().as_u16()
}

fn base() -> &'static str {
    crate::support::base()
}

/// Signs up with an address, `NAME` in `form` replaced by a unique name. Returns the response and the address.
async fn with_email(form: &str) -> (Response, String) {
    let mut newcomer = valid_signup();
    let email = form.replace("NAME", &unique());
    newcomer["email"] = email.clone().into();
    (send(&newcomer).await, email)
}

#[tokio::test]
async fn an_email_is_a_bare_address_with_a_domain() {
    for good in ["NAME@example.com", "NAME+feed@example.co.kr", "NAME@localhost", "o'NAME@x-1.example", "  NAME@b.kr "]
    {
        let (answer, email) = with_email(good).await;
        assert_eq!(answer.status(), 201, "{good}");
        let member: Value = answer.json().await.unwrap();
        assert_eq!(member["email"], email.trim());
    }
    for bad in [
        "Kim <NAME@example.com>",
        "<NAME@example.com>",
        "\"Kim\" <NAME@example.com>",
        "NAME@[127.0.0.1]",
        "NAME@[IPv6:::1]",
        "NAME@127.0.0.1",
        "NAME@example..com",
        "NAME@-example.com",
        "NAME@",
        "NAME",
        "NAME @example.com",
        "NAME@example.com, a@b.kr",
        "NAME@exa\u{200B}mple.com",
        "NAME\n@example.com",
        "mailto:NAME@a@b.kr",
    ] {
        let (answer, _) = with_email(bad).await;
        let refused = problem(answer, 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&refused), [("email".to_owned(), "INVALID_FORMAT".to_owned())], "{bad}");
    }
}

#[tokio::test]
async fn an_email_has_at_most_100_characters() {
    let name = unique();
    for (length, status) in [(100, 201), (101, 422)] {
        let mut newcomer = valid_signup();
        let host = "b".repeat(length - name.len() - 1 - 3 - 60);
        newcomer["email"] = format!("{name}@{}.{host}.kr", "a".repeat(59)).into();
        assert_eq!(newcomer["email"].as_str().unwrap().len(), length);
        assert_eq!(send(&newcomer).await.status(), status, "{length}");
    }
}

#[tokio::test]
async fn equivalent_addresses_are_one_account() {
    let (answer, email) = with_email("NAME@Example.com").await;
    assert_eq!(answer.status(), 201);
    let (name, _) = email.split_once('@').unwrap();
    for same in [email.to_uppercase(), format!(" {email} "), format!("\"{name}\"@example.COM")] {
        let mut second = valid_signup();
        second["email"] = same.clone().into();
        problem(send(&second).await, 409, "MEMBER_ALREADY_EXISTS").await;
        assert_eq!(log_in(base(), &same, PASSWORD).await, 200, "{same}");
    }
}

#[tokio::test]
async fn equivalent_unicode_passwords_are_the_same() {
    let spellings = ["Pássw0rd!한", "Pa\u{301}ssw0rd!\u{1112}\u{1161}\u{11AB}", "Ｐássw０rd！한"];
    for chosen in spellings {
        let mut newcomer = valid_signup();
        newcomer["password"] = chosen.into();
        assert_eq!(send(&newcomer).await.status(), 201, "{chosen}");
        for typed in spellings {
            assert_eq!(log_in(base(), newcomer["email"].as_str().unwrap(), typed).await, 200, "{chosen} {typed}");
        }
        assert_eq!(log_in(base(), newcomer["email"].as_str().unwrap(), "Passw0rd!한").await, 401);
    }
}

#[tokio::test]
async fn password_rules_apply_to_the_normal_form() {
    for (password, status) in [("Ｐａｓｓ０１！ｘ", 201), ("Pa1！xx", 422), (&format!("Aa1!{}", "ﬃ".repeat(16)), 422)]
    {
        let mut newcomer = valid_signup();
        newcomer["password"] = password.into();
        assert_eq!(send(&newcomer).await.status(), status, "{password}");
    }
}

/// A hash of a password that was not normalised: the server accepts the original password and replaces the hash.
#[tokio::test]
async fn an_old_hash_is_accepted_and_replaced() {
    let server = start_server(|_| {}).await;
    let who: Member = server.member().await;
    let (typed, normal) = ("Ｐássw０rd!", "Pássw0rd!");
    let old = Argon2::default().hash_password(typed.as_bytes()).unwrap().to_string();
    let url = format!("sqlite://{}", server.folder.path().join("dailyfeed.db").display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    let set = sqlx::query("UPDATE members SET password_hash = ?").bind(&old);
    set.execute(&mut database).await.unwrap();
    assert_eq!(log_in(&server.base, &who.email, normal).await, 401, "the old hash has the original spelling only");
    assert_eq!(log_in(&server.base, &who.email, typed).await, 200);
    for password in [normal, typed] {
        assert_eq!(log_in(&server.base, &who.email, password).await, 200, "{password}");
    }
    let hash: (String,) = sqlx::query_as("SELECT password_hash FROM members").fetch_one(&mut database).await.unwrap();
    assert_ne!(hash.0, old);
    server.app.shutdown().await;
}

async fn sign_up(base: &str, newcomer: &Value, key: &str) -> Response {
    let request =
        crate::common::client().post(format!("{base}/api/authentication/signup")).header("idempotency-key", key);
    request.json(newcomer).send().await.unwrap()
}

#[tokio::test]
async fn an_idempotency_key_of_a_signup_is_bound_to_the_password() {
    let first = start_server(|_| {}).await;
    let newcomer = valid_signup();
    let answer = sign_up(&first.base, &newcomer, "k").await;
    assert_eq!(answer.status(), 201);
    let text = answer.text().await.unwrap();
    let mut other = newcomer.clone();
    other["password"] = "0therPassw!".into();
    problem(sign_up(&first.base, &other, "k").await, 422, "IDEMPOTENCY_KEY_REUSED").await;
    let second = first.restart(async |_| {}).await;
    problem(sign_up(&second.base, &other, "k").await, 422, "IDEMPOTENCY_KEY_REUSED").await;
    let again = sign_up(&second.base, &newcomer, "k").await;
    assert_eq!((again.status().as_u16(), again.text().await.unwrap()), (201, text));
    assert_eq!(log_in(&second.base, newcomer["email"].as_str().unwrap(), PASSWORD).await, 200);
    second.app.shutdown().await;
}

#[tokio::test]
async fn concurrent_signups_with_one_key_accept_one_password() {
    let newcomer = valid_signup();
    let answers = futures::future::join_all((0..8).map(|number| {
        let mut newcomer = newcomer.clone();
        newcomer["password"] = format!("Passw0rd!{}", number % 2).into();
        async move { (number % 2, sign_up(base(), &newcomer, "k").await.status().as_u16()) }
    }))
    .await;
    let taken = answers.iter().find(|(_, status)| *status == 201).expect("one signup succeeds").0;
    for (password, status) in answers {
        assert_eq!(status, if password == taken { 201 } else { 422 });
    }
}
