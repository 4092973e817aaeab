//! Signup fields at their limits: the longest accepted value of each field and the first refused one.
use crate::{
    signup::{send, unique, valid_signup},
    support::{fields, problem},
};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

const FAMILY: &str = "👨‍👩‍👧‍👦";
/// One Hangul syllable in decomposed form: three code points.
const PARTS: &str = "\u{1100}\u{1161}\u{11A8}";

/// Returns a unique email address of `length` characters.
fn address(length: usize) -> String {
    let head = format!("{}@", unique());
    let fill = length - head.len() - "..example.com".len();
    format!("{head}{}.{}.example.com", "a".repeat(fill / 2), "b".repeat(fill - fill / 2))
}

/// Asserts that a signup with this value succeeds and returns the value.
async fn accepted(field: &str, value: Value) {
    let mut signup = valid_signup();
    signup[field] = value;
    let answer = send(&signup).await;
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    let member: Value = answer.json().await.unwrap();
    if field != "password" {
        let text = |value: &Value| value[field].as_str().unwrap().nfc().collect::<String>();
        assert_eq!(text(&member), text(&signup));
    }
}

/// Asserts that a signup with this value gets errors of this field only.
async fn refused(field: &str, value: Value) {
    let mut signup = valid_signup();
    signup[field] = value;
    let problem = problem(send(&signup).await, 422, "VALIDATION_FAILED").await;
    let named = fields(&problem);
    assert!(!named.is_empty() && named.iter().all(|(named, _)| named == field), "{problem}");
}

/// Asserts that a value of the wrong type gets 400 or 422.
async fn wrong_type(field: &str, value: Value) {
    let mut signup = valid_signup();
    signup[field] = value;
    let answer = send(&signup).await;
    match answer.status().as_u16() {
        400 => drop(problem(answer, 400, "MALFORMED_REQUEST").await),
        _ => drop(problem(answer, 422, "VALIDATION_FAILED").await),
    }
}

macro_rules! cases {
    ($check:ident: $($name:ident($field:literal, $value:expr);)*) => {
        $(#[tokio::test]
        async fn $name() {
            $check($field, json!($value)).await;
        })*
    };
}

cases! { accepted:
    an_address_of_100_characters_is_accepted("email", address(100));
    an_address_with_a_plus_is_accepted("email", format!("{}+feed@example.com", unique()));
    a_handle_of_three_characters_is_accepted("handle", &uuid::Uuid::new_v4().simple().to_string()[..3]);
    a_handle_of_50_characters_is_accepted("handle", format!("{}{}", unique(), "_".repeat(29)));
    a_handle_of_digits_is_accepted("handle", (uuid::Uuid::new_v4().as_u128() >> 80).to_string());
    a_password_of_8_characters_is_accepted("password", "Passw0r!");
    a_password_of_50_characters_is_accepted("password", format!("Passw0rd!{}", "x".repeat(41)));
    a_password_with_hangul_is_accepted("password", format!("Passw0rd!{}", "암".repeat(41)));
    a_name_of_two_syllables_is_accepted("memberName", "민수");
    a_name_of_30_syllables_in_parts_is_accepted("memberName", PARTS.repeat(30));
    a_display_name_of_50_syllables_is_accepted("displayName", "가".repeat(50));
    a_bio_of_500_families_is_accepted("bio", FAMILY.repeat(500));
    a_location_of_100_syllables_is_accepted("location", "서".repeat(100));
    a_website_of_200_characters_is_accepted("websiteUrl", format!("https://example.com/{}", "a".repeat(180)));
    a_website_over_plain_http_is_accepted("websiteUrl", "http://example.com/");
    a_birthday_in_1900_is_accepted("birthDate", "1900-01-01");
    a_leap_day_is_accepted("birthDate", "2000-02-29");
    prefer_not_to_say_is_accepted("gender", "PREFER_NOT_TO_SAY");
    every_country_of_iso_3166_is_accepted("countryCode", "BR");
}

cases! { refused:
    an_address_of_101_characters_is_refused("email", address(101));
    an_address_without_a_name_is_refused("email", "@example.com");
    an_address_with_two_at_signs_is_refused("email", "a@b@example.com");
    an_address_with_a_space_is_refused("email", "a b@example.com");
    an_address_with_an_empty_label_is_refused("email", "a@example..com");
    an_address_with_a_line_break_is_refused("email", "a@example.com\nbcc: b@example.com");
    an_empty_address_is_refused("email", "");
    a_handle_with_a_dash_is_refused("handle", "min-su-kim");
    a_handle_with_a_dot_is_refused("handle", "min.su.kim");
    a_handle_with_a_space_is_refused("handle", "min su kim");
    a_handle_with_a_line_break_is_refused("handle", "min\nsu");
    a_handle_in_full_width_letters_is_refused("handle", "ｍｉｎｓｕ");
    a_handle_with_a_cyrillic_letter_is_refused("handle", "m\u{456}nsu");
    the_handle_me_is_reserved("handle", "me");
    the_handle_handles_is_reserved("handle", "HANDLES");
    the_handle_recommendations_is_reserved("handle", "recommendations");
    the_handle_query_is_reserved("handle", "Query");
    an_empty_password_is_refused("password", "");
    a_password_needs_one_of_the_eight_special_characters("password", "Passw0rd^~");
    a_password_of_51_with_hangul_is_refused("password", format!("Passw0rd!{}", "암".repeat(42)));
    digits_of_another_script_do_not_count_in_a_password("password", "Password!٣");
    a_name_of_one_family_emoji_is_too_short("memberName", FAMILY);
    a_name_of_31_syllables_in_parts_is_too_long("memberName", PARTS.repeat(31));
    a_name_of_spaces_is_refused("memberName", "     ");
    a_display_name_of_51_syllables_is_too_long("displayName", "가".repeat(51));
    a_bio_of_501_families_is_too_long("bio", FAMILY.repeat(501));
    a_location_of_101_syllables_is_too_long("location", "서".repeat(101));
    a_website_of_201_characters_is_too_long("websiteUrl", format!("https://example.com/{}", "a".repeat(181)));
    a_website_without_a_scheme_is_refused("websiteUrl", "example.com");
    a_website_without_a_host_is_refused("websiteUrl", "https://");
    a_website_of_data_is_refused("websiteUrl", "data:text/html,hello");
    a_birthday_next_year_is_refused("birthDate", "2999-12-31");
    a_birthday_in_a_thirteenth_month_is_refused("birthDate", "1990-13-01");
    a_birthday_with_slashes_is_refused("birthDate", "1990/01/01");
    the_29th_of_february_1900_is_refused("birthDate", "1900-02-29");
    an_unknown_gender_is_refused("gender", "NONE");
    a_country_of_three_letters_is_refused("countryCode", "KOR");
    a_country_outside_iso_3166_is_refused("countryCode", "ZZ");
}

cases! { wrong_type:
    an_address_that_is_a_number_is_refused("email", 7);
    a_password_that_is_a_list_is_refused("password", ["Passw0rd!"]);
    a_handle_that_is_true_is_refused("handle", true);
    a_name_that_is_an_object_is_refused("memberName", json!({"first": "민수"}));
    a_bio_that_is_a_number_is_refused("bio", 1.5);
    a_birthday_in_seconds_is_refused("birthDate", 631_152_000);
    a_null_address_is_refused("email", Value::Null);
}

#[tokio::test]
async fn each_of_the_eight_special_characters_is_accepted() {
    for sign in "@$!%*?&#".chars() {
        accepted("password", format!("Passw0rd{sign}").into()).await;
    }
}

#[tokio::test]
async fn documented_countries_and_genders_are_accepted() {
    for country in ["KR", "US", "JP", "CN", "GB", "DE", "FR", "CA", "AU", "IN"] {
        accepted("countryCode", country.into()).await;
    }
    for gender in ["MALE", "FEMALE", "OTHER"] {
        accepted("gender", gender.into()).await;
    }
}

#[tokio::test]
async fn several_field_errors_are_reported_together() {
    let mut signup = valid_signup();
    signup["email"] = "nowhere".into();
    signup["handle"] = "x".into();
    signup["bio"] = "글".repeat(501).into();
    signup["birthDate"] = "2999-01-01".into();
    let problem = problem(send(&signup).await, 422, "VALIDATION_FAILED").await;
    let mut named: Vec<_> = fields(&problem).into_iter().map(|(field, _)| field).collect();
    named.sort();
    assert_eq!(named, ["bio", "birthDate", "email", "handle"]);
}

#[tokio::test]
async fn one_of_ten_concurrent_signups_with_one_email_succeeds() {
    let first = valid_signup();
    let rivals = (0..10).map(|_| {
        let mut rival = valid_signup();
        rival["email"] = first["email"].clone();
        async move { send(&rival).await }
    });
    let mut created = 0;
    for answer in futures::future::join_all(rivals).await {
        match answer.status().as_u16() {
            201 => created += 1,
            _ => drop(problem(answer, 409, "MEMBER_ALREADY_EXISTS").await),
        }
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn one_of_ten_concurrent_signups_with_one_handle_succeeds() {
    let handle = unique();
    let rivals = (0..10).map(|number| {
        let mut rival = valid_signup();
        rival["handle"] = if number % 2 == 0 { handle.clone() } else { handle.to_uppercase() }.into();
        async move { send(&rival).await }
    });
    let mut created = 0;
    for answer in futures::future::join_all(rivals).await {
        match answer.status().as_u16() {
            201 => created += 1,
            _ => drop(problem(answer, 409, "MEMBER_HANDLE_ALREADY_EXISTS").await),
        }
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn a_signup_cannot_set_id_counts_or_creation_time() {
    let mut signup = valid_signup();
    for (field, value) in [("id", json!(1)), ("followerCount", json!(9)), ("createdAt", json!("2001-01-01T00:00:00Z"))]
    {
        signup[field] = value;
    }
    let member: Value = send(&signup).await.json().await.unwrap();
    assert_ne!(member["id"], 1);
    assert_eq!(member["followerCount"], 0);
    assert!(member["createdAt"].as_str() > Some("2025"));
}
