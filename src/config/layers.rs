//! [`Layers`]: merges defaults, a TOML file and the environment, and keeps the origin of each value.
use super::{
    ConfigError, Origin,
    error::Fault,
    origin::{Kind, kind, shown},
};
use std::{collections::BTreeMap, path::Path};
use toml::{Table, Value};

/// Prefix of the environment variables that set keys.
pub(super) const PREFIX: &str = "DAILYFEED_";
/// Suffix of a twin: `KEY_file` names a file that holds the value of the secret `KEY`.
const TWIN: &str = "_file";
/// Default of the texts that also accept `true` and `false`.
const AUTO: &str = "auto";

/// A value and its origin.
struct Leaf {
    value: Value,
    origin: Origin,
    /// Whether the text may also be `true` or `false`, with or without quotes.
    may_be_switch: bool,
}

/// Values by dotted key. [`Layers::new`] adds every key, so a key that is absent is unknown.
pub(super) struct Layers(BTreeMap<String, Leaf>);

impl Layers {
    /// Creates the lowest layer: every key with its default. The type of the default is the type of the key.
    pub(super) fn new(defaults: &Table) -> Self {
        let leaf = |value: &Value| Leaf {
            value: value.clone(),
            origin: Origin::Default,
            may_be_switch: value.as_str() == Some(AUTO),
        };
        Self(leaves(defaults).into_iter().map(|(key, value)| (key, leaf(value))).collect())
    }

    /// Adds a TOML file, whose values replace earlier ones.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = read(path)?;
        let path = path.display().to_string();
        let table: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::NotToml {
            path: path.clone(),
            line: text.bytes().take(error.span().map_or(0, |span| span.start)).filter(|b| *b == b'\n').count() + 1,
            message: error.message().to_owned(),
        })?;
        for (key, value) in leaves(&table) {
            let origin = Origin::File(path.clone());
            match (self.twin(&key).map(str::to_owned), value) {
                (Some(of), Value::String(named)) => self.set_from_file(&of, named, origin)?,
                (Some(_), value) => return Err(bad(&key, value, origin, "the path of a file")),
                (None, Value::Table(_)) if self.is_concern(&key) => {}
                (None, value) => self.set(&key, value.clone(), origin)?,
            }
        }
        Ok(())
    }

    /// Adds environment variables, whose values replace earlier ones. Skips variables without [`PREFIX`].
    pub(super) fn add_environment(&mut self, all: impl Iterator<Item = (String, String)>) -> Result<(), ConfigError> {
        for (name, text) in all {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let key = rest.to_lowercase().replace("__", ".");
            let origin = Origin::Environment(name.clone());
            // `DAILYFEED_http__listen` and `DAILYFEED_HTTP.LISTEN` would set the same key.
            if rest.contains('.') || rest != rest.to_uppercase() {
                return Err(self.unknown(rest, origin));
            }
            match self.twin(&key).map(str::to_owned) {
                Some(of) => self.set_from_file(&of, &text, origin)?,
                None => self.set_text(&key, &text, origin)?,
            }
        }
        Ok(())
    }

    /// Returns the key of a twin, such as `internal.secret` for `internal.secret_file`. Only secrets and URLs have
    /// twins.
    fn twin<'a>(&self, key: &'a str) -> Option<&'a str> {
        let of = key.strip_suffix(TWIN)?;
        (self.0.contains_key(of) && kind(of) != Kind::Plain).then_some(of)
    }

    /// Returns whether the key is the name of a concern, such as `http` for `http.listen`.
    fn is_concern(&self, key: &str) -> bool {
        self.0.keys().any(|known| known.starts_with(&format!("{key}.")))
    }

    fn set_from_file(&mut self, key: &str, path: &str, by: Origin) -> Result<(), ConfigError> {
        let text = read(Path::new(path))?;
        self.set_text(key, text.trim(), Origin::Twin { path: path.to_owned(), by: Box::new(by) })
    }

    /// Sets an untyped value. The default of the key decides its type.
    fn set_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let Some(Leaf { value: default, .. }) = self.0.get(key) else { return Err(self.unknown(key, origin)) };
        let value = match default {
            Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
            Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
            Value::Array(_) => {
                let items = text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty());
                Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
            }
            _ => None,
        };
        // A text that does not parse stays a text, and `set` refuses its type.
        self.set(key, value.unwrap_or_else(|| Value::String(text.to_owned())), origin)
    }

    fn set(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), ConfigError> {
        let Some(leaf) = self.0.get_mut(key) else { return Err(self.unknown(key, origin)) };
        let value = match value {
            Value::Boolean(given) if leaf.may_be_switch => Value::String(given.to_string()),
            value => value,
        };
        let (fits, expected) = match &leaf.value {
            Value::Integer(_) => (value.as_integer().is_some_and(|number| number >= 0), "an integer, 0 or more"),
            Value::Boolean(_) => (value.is_bool(), "true or false"),
            Value::Array(_) => {
                (value.as_array().is_some_and(|items| items.iter().all(Value::is_str)), "a list of strings")
            }
            _ => (value.is_str(), "a string"),
        };
        if !fits {
            return Err(bad(key, &value, origin, expected));
        }
        let from_file = |origin: &Origin| matches!(origin, Origin::Twin { .. });
        if leaf.origin != Origin::Default && from_file(&leaf.origin) != from_file(&origin) {
            let (first, second) = if from_file(&origin) { (&leaf.origin, &origin) } else { (&origin, &leaf.origin) };
            return Err(ConfigError::Twice { key: key.to_owned(), first: first.clone(), second: second.clone() });
        }
        (leaf.value, leaf.origin) = (value, origin);
        Ok(())
    }

    fn unknown(&self, key: &str, origin: Origin) -> ConfigError {
        let beside: Vec<_> = match key.split_once('.') {
            Some((concern, _)) if self.is_concern(concern) => {
                self.0.keys().filter(|known| known.split('.').next() == Some(concern)).cloned().collect()
            }
            _ => {
                let mut names: Vec<_> = self.0.keys().filter_map(|known| known.split('.').next()).collect();
                names.dedup();
                names
                    .into_iter()
                    .map(|name| if self.is_concern(name) { format!("{name}.*") } else { name.to_owned() })
                    .collect()
            }
        };
        ConfigError::Unknown { key: key.to_owned(), origin, expected: format!("one of {}", beside.join(", ")) }
    }

    /// Returns the merged values as one table.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        for (key, leaf) in &self.0 {
            insert(&mut table, key, leaf.value.clone());
        }
        table
    }

    /// Returns every number with its key.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().filter_map(|(key, leaf)| Some((key.as_str(), leaf.value.as_integer()?)))
    }

    /// Turns a fault into an error with the value of the key and its origin.
    pub(super) fn blame(&self, fault: Fault) -> ConfigError {
        match self.0.get(&fault.key) {
            Some(leaf) => bad(&fault.key, &leaf.value, leaf.origin.clone(), &fault.expected),
            None => self.unknown(&fault.key, Origin::Default),
        }
    }

    /// Returns every key in alphabetical order with its masked value and its origin.
    pub(super) fn rows(self) -> impl Iterator<Item = (String, String, Origin)> {
        self.0.into_iter().map(|(key, leaf)| {
            let value = shown(&key, &leaf.value);
            (key, value, leaf.origin)
        })
    }
}

fn bad(key: &str, value: &Value, origin: Origin, expected: &str) -> ConfigError {
    ConfigError::Bad { key: key.to_owned(), value: shown(key, value), origin, expected: expected.to_owned() }
}

/// Flattens a table into dotted keys and values. An empty table counts as a value, so that an unknown one is refused.
fn leaves(table: &Table) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) if !inner.is_empty() => {
                found.extend(leaves(inner).into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            value => found.push((name.clone(), value)),
        }
    }
    found
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        Some((concern, rest)) => {
            let inner = table.entry(concern).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
        None => drop(table.insert(key.to_owned(), value)),
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.display().to_string(), source })
}
