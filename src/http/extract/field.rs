//! Fields of a request (absent, null, given, or of the wrong type) and their checks: one response names every error.
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
    /// A value of another type.
    WrongType,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(<&RawValue>::deserialize(deserializer)?))
    }
}

impl<T: DeserializeOwned> Field<T> {
    /// Parses the value of a field that is present.
    pub(in crate::http) fn of(raw: &RawValue) -> Self {
        match raw.get() {
            "null" => Self::Null,
            json => serde_json::from_str(json).map_or(Self::WrongType, Self::Given),
        }
    }
}

/// Collects the field errors of a request.
#[derive(Default)]
pub(in crate::http) struct Check(Vec<FieldError>);

impl Check {
    /// The value of a required field.
    pub(in crate::http) fn required<T>(&mut self, name: &'static str, field: Field<T>) -> Option<T> {
        match field {
            Field::Given(value) => return Some(value),
            Field::WrongType => self.wrong(name, Reason::InvalidFormat),
            Field::Absent | Field::Null => self.wrong(name, Reason::Required),
        }
        None
    }

    /// The value of an optional field.
    pub(in crate::http) fn optional<T>(&mut self, name: &'static str, field: Field<T>) -> Option<T> {
        match field {
            Field::Given(value) => return Some(value),
            Field::WrongType => self.wrong(name, Reason::InvalidFormat),
            Field::Absent | Field::Null => {}
        }
        None
    }

    /// A field of a JSON merge patch: absent keeps, null clears.
    pub(in crate::http) fn patch<T>(&mut self, name: &'static str, field: Field<T>) -> Patch<T> {
        match field {
            Field::Given(value) => return Patch::Set(value),
            Field::Null => return Patch::Clear,
            Field::WrongType => self.wrong(name, Reason::InvalidFormat),
            Field::Absent => {}
        }
        Patch::Keep
    }

    /// The result of a domain rule for one field.
    pub(in crate::http) fn rule<T>(&mut self, checked: Result<T, FieldError>) -> Option<T> {
        checked.map_err(|error| self.0.push(error)).ok()
    }

    /// The result of domain rules for several fields. A field that has an error already gets no second one.
    pub(in crate::http) fn rules<T>(&mut self, checked: Result<T, Vec<FieldError>>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(mut errors) => {
                errors.retain(|error| self.0.iter().all(|known| known.field != error.field));
                self.0.extend(errors);
                None
            }
        }
    }

    /// Adds an error.
    pub(in crate::http) fn wrong(&mut self, field: &'static str, reason: Reason) {
        self.0.push(FieldError { field, reason });
    }

    /// The problem that names every error.
    pub(in crate::http) fn refused(self) -> Problem {
        Refusal::Invalid(self.0).into()
    }

    /// The value, if there are no errors.
    pub(in crate::http) fn pass<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.refused()),
        }
    }
}

/// The members of a JSON object in order; the last of two with the same name counts.
pub(in crate::http) struct JsonObject(pub(in crate::http) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(JsonObjectVisitor)
    }
}

/// More members than any request has; keeps the linear search for a name short.
const MEMBERS_MAX: usize = 100;

struct JsonObjectVisitor;

impl<'de> Visitor<'de> for JsonObjectVisitor {
    type Value = JsonObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
        let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            members.retain(|(known, _)| *known != name);
            members.push((name, value));
            if members.len() > MEMBERS_MAX {
                return Err(A::Error::custom("too many members"));
            }
        }
        Ok(JsonObject(members))
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
        assert_eq!(request(r#"{"name": 5, "parent": -1}"#).name, Field::WrongType);
        assert_eq!(request(r#"{"parent": 1.5}"#).parent, Field::WrongType);
        assert_eq!(request(r#"{"name": "\ud800"}"#).name, Field::WrongType);
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
    fn each_field_has_one_error() {
        let mut check = Check::default();
        assert!(check.required::<String>("email", Field::Absent).is_none());
        assert!(check.required::<String>("memberName", Field::WrongType).is_none());
        let again = vec![FieldError { field: "memberName", reason: Reason::Required }];
        assert!(check.rules::<()>(Err(again)).is_none());
        assert_eq!(check.0.len(), 2);
        assert_eq!(check.0[1].reason, Reason::InvalidFormat);
    }

    #[test]
    fn the_last_of_two_members_counts() {
        let members: JsonObject = serde_json::from_str(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
        let text: Vec<_> = members.0.iter().map(|(name, value)| format!("{name}={}", value.get())).collect();
        assert_eq!(text, ["b=2", "a=3"]);
    }
}
