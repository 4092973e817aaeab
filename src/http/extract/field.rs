//! Fields of a request: absent, null, given, or of the wrong type, so that one answer names all that is wrong.
use crate::{
    domain::{FieldError, Patch, Reason, Refusal},
    http::problem::Problem,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// One field of a JSON object.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::http) enum Field<T> {
    #[default]
    Absent,
    Null,
    Given(T),
    /// Something of another type.
    Wrong,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(<&RawValue>::deserialize(deserializer)?))
    }
}

impl<T: DeserializeOwned> Field<T> {
    /// What stands in the request.
    pub(in crate::http) fn of(raw: &RawValue) -> Self {
        match raw.get() {
            "null" => Self::Null,
            json => serde_json::from_str(json).map_or(Self::Wrong, Self::Given),
        }
    }
}

/// Collects what is wrong with a request.
#[derive(Default)]
pub(in crate::http) struct Check(Vec<FieldError>);

impl Check {
    /// A field that must be there.
    pub(in crate::http) fn required<T>(&mut self, name: &'static str, field: Field<T>) -> Option<T> {
        match field {
            Field::Given(value) => return Some(value),
            Field::Wrong => self.wrong(name, Reason::InvalidFormat),
            Field::Absent | Field::Null => self.wrong(name, Reason::Required),
        }
        None
    }

    /// A field that may be left out.
    pub(in crate::http) fn optional<T>(&mut self, name: &'static str, field: Field<T>) -> Option<T> {
        match field {
            Field::Given(value) => return Some(value),
            Field::Wrong => self.wrong(name, Reason::InvalidFormat),
            Field::Absent | Field::Null => {}
        }
        None
    }

    /// A field of a JSON merge patch: null clears.
    pub(in crate::http) fn patch<T>(&mut self, name: &'static str, field: Field<T>) -> Patch<T> {
        match field {
            Field::Given(value) => return Patch::Set(value),
            Field::Null => return Patch::Clear,
            Field::Wrong => self.wrong(name, Reason::InvalidFormat),
            Field::Absent => {}
        }
        Patch::Keep
    }

    /// What a rule of the domain says to a value.
    pub(in crate::http) fn rule<T>(&mut self, checked: Result<T, FieldError>) -> Option<T> {
        checked.map_err(|error| self.0.push(error)).ok()
    }

    /// Several fields at once. Those known to be wrong already are not named twice.
    pub(in crate::http) fn rules<T>(&mut self, checked: Result<T, Vec<FieldError>>) -> Option<T> {
        let known: Vec<&str> = self.0.iter().map(|error| error.field).collect();
        let unnamed = |errors: Vec<FieldError>| errors.into_iter().filter(|error| !known.contains(&error.field));
        let errors: Vec<FieldError> = match checked {
            Ok(value) => return Some(value),
            Err(errors) => unnamed(errors).collect(),
        };
        self.0.extend(errors);
        None
    }

    pub(in crate::http) fn wrong(&mut self, field: &'static str, reason: Reason) {
        self.0.push(FieldError { field, reason });
    }

    /// The refusal of everything that was found.
    pub(in crate::http) fn refused(self) -> Problem {
        Refusal::Invalid(self.0).into()
    }

    /// The value, if nothing was found.
    pub(in crate::http) fn pass<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.refused()),
        }
    }
}

/// The members of a JSON object as they came; the last of two with one name counts.
pub(in crate::http) struct Members(pub(in crate::http) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// More than any request has; keeps the search for a name short.
const MEMBERS_MAX: usize = 100;

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            members.retain(|(known, _)| *known != name);
            members.push((name, value));
            if members.len() > MEMBERS_MAX {
                return Err(A::Error::custom("too many members"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Request {
        name: Field<String>,
        parent: Field<u64>,
    }

    fn request(json: &str) -> Request {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_field_is_absent_null_given_or_wrong() {
        assert_eq!(request("{}").name, Field::Absent);
        assert_eq!(request(r#"{"name": null}"#).name, Field::Null);
        assert_eq!(request(r#"{"name": "김", "other": [1]}"#).name, Field::Given("김".to_owned()));
        assert_eq!(request(r#"{"name": 5, "parent": -1}"#).name, Field::Wrong);
        assert_eq!(request(r#"{"parent": 1.5}"#).parent, Field::Wrong);
        assert_eq!(request(r#"{"name": "\ud800"}"#).name, Field::Wrong);
    }

    #[test]
    fn a_merge_patch_keeps_clears_and_sets() {
        let mut check = Check::default();
        assert_eq!(check.patch::<String>("bio", Field::Absent), Patch::Keep);
        assert_eq!(check.patch::<String>("bio", Field::Null), Patch::Clear);
        assert_eq!(check.patch("bio", Field::Given("hi".to_owned())), Patch::Set("hi".to_owned()));
        assert!(check.pass(Some(())).is_ok());
    }

    #[test]
    fn everything_wrong_is_named_once() {
        let mut check = Check::default();
        assert!(check.required::<String>("email", Field::Absent).is_none());
        assert!(check.required::<String>("memberName", Field::Wrong).is_none());
        let again = vec![FieldError { field: "memberName", reason: Reason::Required }];
        assert!(check.rules::<()>(Err(again)).is_none());
        assert_eq!(check.0.len(), 2);
        assert_eq!(check.0[1].reason, Reason::InvalidFormat);
    }

    #[test]
    fn the_last_of_two_members_counts() {
        let members: Members = serde_json::from_str(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
        let text: Vec<_> = members.0.iter().map(|(name, value)| format!("{name}={}", value.get())).collect();
        assert_eq!(text, ["b=2", "a=3"]);
    }
}
