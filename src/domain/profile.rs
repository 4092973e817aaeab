//! Profiles: their fields, the rule of each field, and patches of them.
use super::{
    FieldError, Reason,
    code_lists::{country, language, timezone},
    text::{Rule, json_bytes_max},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The change of one field, as in a JSON merge patch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field is absent from the patch: unchanged.
    #[default]
    Keep,
    /// The field is null in the patch: cleared.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Maps the value of a `Set`.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)),
        }
    }
}

/// A gender, as the member chose to state it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Gender {
    Male,
    Female,
    Other,
    PreferNotToSay,
}

/// The profile that a member fills in. Every field has passed its rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// 2 to 30 characters.
    pub member_name: String,
    /// At most 50 characters.
    pub display_name: Option<String>,
    /// At most 500 characters.
    pub bio: Option<String>,
    /// At most 100 characters.
    pub location: Option<String>,
    /// http or https, at most 200 characters.
    pub website_url: Option<String>,
    /// A date in the past, from 1900 on.
    pub birth_date: Option<Date>,
    /// `None` if not stated.
    pub gender: Option<Gender>,
    /// ISO 639-1, such as `ko`; a region may follow (`pt-BR`).
    pub language_code: Option<String>,
    /// ISO 3166-1 alpha-2, such as `KR`.
    pub country_code: Option<String>,
    /// IANA time zone name, such as `Asia/Seoul`.
    pub timezone: Option<String>,
}

/// A change of a profile, with the unchecked texts of a request.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "as in Profile")]
pub struct ProfilePatch {
    pub member_name: Patch<String>,
    pub display_name: Patch<String>,
    pub bio: Patch<String>,
    pub location: Patch<String>,
    pub website_url: Patch<String>,
    pub birth_date: Patch<String>,
    pub gender: Patch<String>,
    pub language_code: Patch<String>,
    pub country_code: Patch<String>,
    pub timezone: Patch<String>,
    /// The privacy: no part of the profile, but changed in the same request.
    pub privacy: Option<super::Privacy>,
    /// The picture: no part of the profile, but changed in the same request.
    pub avatar: Patch<super::ImageId>,
}

const WEBSITE_URL: &str = "websiteUrl";
const MEMBER_NAME: Rule = Rule::line("memberName", 2, 30);
const DISPLAY_NAME: Rule = Rule::line("displayName", 1, 50);
const BIO: Rule = Rule::long("bio", 0, 500);
const LOCATION: Rule = Rule::line("location", 0, 100);
const WEBSITE: Rule = Rule::line(WEBSITE_URL, 1, 200);

impl Profile {
    /// Maximum number of bytes of all its texts in JSON.
    pub const JSON_BYTES_MAX: usize = json_bytes_max(30 + 50 + 500 + 100 + 200);

    /// Returns the display name, or the member's name if none was chosen.
    pub fn shown_name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.member_name)
    }

    /// Returns the profile with the change applied. Errors: every field that breaks its rule.
    pub fn patched(&self, patch: ProfilePatch) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let before = self.clone();
        let changed = Self {
            member_name: apply(&mut errors, patch.member_name, Some(before.member_name), |name| {
                MEMBER_NAME.check(name)
            })
            .unwrap_or_default(),
            display_name: apply(&mut errors, patch.display_name, before.display_name, |name| DISPLAY_NAME.check(name)),
            bio: apply(&mut errors, patch.bio, before.bio, |bio| BIO.optional(bio)),
            location: apply(&mut errors, patch.location, before.location, |location| LOCATION.optional(location)),
            website_url: apply(&mut errors, patch.website_url, before.website_url, website),
            birth_date: apply(&mut errors, patch.birth_date, before.birth_date, birth_date),
            gender: apply(&mut errors, patch.gender, before.gender, gender),
            language_code: apply(&mut errors, patch.language_code, before.language_code, language),
            country_code: apply(&mut errors, patch.country_code, before.country_code, country),
            timezone: apply(&mut errors, patch.timezone, before.timezone, timezone),
        };
        if changed.member_name.is_empty() && errors.iter().all(|e| e.field != "memberName") {
            errors.push(FieldError { field: "memberName", reason: Reason::Required });
        }
        if errors.is_empty() { Ok(changed) } else { Err(errors) }
    }

    /// Makes the profile of a new member. Errors: every field that breaks its rule.
    pub fn new(patch: ProfilePatch) -> Result<Self, Vec<FieldError>> {
        Self::default().patched(patch)
    }
}

/// Applies the change of one field. Collects its error, so that one response names all invalid fields.
fn apply<T, V: Into<Option<T>>>(
    errors: &mut Vec<FieldError>,
    patch: Patch<String>,
    before: Option<T>,
    check: impl FnOnce(&str) -> Result<V, FieldError>,
) -> Option<T> {
    match patch {
        Patch::Keep => before,
        Patch::Clear => None,
        Patch::Set(text) => check(&text).map_or_else(
            |error| {
                errors.push(error);
                None
            },
            Into::into,
        ),
    }
}

/// Checks an http(s) URL without credentials. Returns it in the normal form that a browser shows.
fn website(url: &str) -> Result<String, FieldError> {
    let invalid = FieldError { field: WEBSITE_URL, reason: Reason::InvalidFormat };
    let given = WEBSITE.check(url)?;
    let Ok(url) = url::Url::parse(&given) else { return Err(invalid) };
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || has_credentials {
        return Err(invalid);
    }
    // Parsing can lengthen it, and the stored value must pass the rule when a client sends it back.
    WEBSITE.check(url.as_str())
}

fn birth_date(date: &str) -> Result<Date, FieldError> {
    let field = "birthDate";
    let date: Date = date.parse().map_err(|_| FieldError { field, reason: Reason::InvalidFormat })?;
    // The date in UTC, so that the result does not depend on the time zone of the server.
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    if date < today && date.year() >= 1900 { Ok(date) } else { Err(FieldError { field, reason: Reason::NotInThePast }) }
}

fn gender(name: &str) -> Result<Gender, FieldError> {
    match name {
        "MALE" => Ok(Gender::Male),
        "FEMALE" => Ok(Gender::Female),
        "OTHER" => Ok(Gender::Other),
        "PREFER_NOT_TO_SAY" => Ok(Gender::PreferNotToSay),
        _ => Err(FieldError { field: "gender", reason: Reason::UnknownValue }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Patch<String> {
        Patch::Set(text.to_owned())
    }

    #[test]
    fn a_patch_sets_clears_and_keeps() {
        let newcomer = ProfilePatch { member_name: set("김민수"), bio: set("hi"), ..Default::default() };
        let profile = Profile::new(newcomer).unwrap();
        let change = ProfilePatch { bio: Patch::Clear, location: set("서울"), ..Default::default() };
        let changed = profile.patched(change).unwrap();
        assert_eq!((changed.bio, changed.location.as_deref()), (None, Some("서울")));
        assert_eq!(changed.member_name, "김민수");
    }

    #[test]
    fn every_invalid_field_is_named() {
        let patch = ProfilePatch {
            member_name: set("a"),
            website_url: set("https://kim:pw@a.kr"),
            birth_date: set("2999-01-01"),
            gender: set("male"),
            country_code: set("XX"),
            timezone: set("Moon/Base"),
            language_code: set("korean"),
            ..Default::default()
        };
        let fields: Vec<_> = Profile::new(patch).unwrap_err().iter().map(|e| e.field).collect();
        let expected = ["memberName", "websiteUrl", "birthDate", "gender", "languageCode", "countryCode", "timezone"];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_website_is_stored_as_parsed() {
        for (given, kept) in [
            ("HTTPS://A.kr", "https://a.kr/"),
            ("https://a.kr:443/x y", "https://a.kr/x%20y"),
            ("https://한글.kr/", "https://xn--bj0bj06e.kr/"),
            ("https://a.kr/../x", "https://a.kr/x"),
        ] {
            assert_eq!(website(given).as_deref(), Ok(kept));
            assert_eq!(website(kept).as_deref(), Ok(kept));
        }
        for bad in ["ftp://a.kr", "https://", "https://kim@a.kr", "https://:pw@a.kr", "javascript:alert(1)", "a.kr", ""]
        {
            assert!(website(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_blank_bio_becomes_none() {
        let patch = ProfilePatch {
            member_name: set("김민수"),
            bio: set("\u{3164}\n"),
            location: set(" "),
            ..Default::default()
        };
        let profile = Profile::new(patch).unwrap();
        assert_eq!((profile.bio, profile.location), (None, None));
        let blank = ProfilePatch { member_name: set("\u{200B}\u{2800}"), ..Default::default() };
        assert_eq!(Profile::new(blank).unwrap_err()[0].reason, Reason::Required);
    }

    #[test]
    fn the_member_name_cannot_be_cleared() {
        let profile = Profile::new(ProfilePatch { member_name: set("Kim"), ..Default::default() }).unwrap();
        let cleared = profile.patched(ProfilePatch { member_name: Patch::Clear, ..Default::default() });
        assert_eq!(cleared.unwrap_err()[0].field, "memberName");
    }
}
