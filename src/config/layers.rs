//! The layers: which value wins, and where it came from.
use super::Config;
use std::{collections::BTreeMap, path::Path};
use toml::{Table, Value};

/// Environment variables that begin like this are keys.
const PREFIX: &str = "DAILYFEED_";
/// Keys whose last part is one of these are never printed and may come from a file (`..._file`).
const SECRET_PARTS: &[&str] = &["secret", "password", "url", "replica_urls"];

/// Why the configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which one.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that is not TOML.
    #[error("{path} is not valid TOML: {message}")]
    NotToml {
        /// Which one.
        path: String,
        /// Where and why.
        message: String,
    },
    /// A key that there is not.
    #[error("unknown key {key} ({origin})")]
    Unknown {
        /// The key.
        key: String,
        /// Where it was found.
        origin: String,
    },
    /// A value that does not fit its key.
    #[error("{key} is {value:?}, expected {expected}")]
    Bad {
        /// The key.
        key: String,
        /// What was given.
        value: String,
        /// What would fit.
        expected: String,
    },
    /// A key that was given directly and by a file.
    #[error("{key} is set, and so is {key}_file")]
    Twice {
        /// The key.
        key: String,
    },
}

impl ConfigError {
    pub(super) fn bad(key: &str, value: &str, expected: &str) -> Self {
        Self::Bad { key: key.to_owned(), value: value.to_owned(), expected: expected.to_owned() }
    }
}

/// One value in force.
#[derive(Debug, Clone)]
pub struct Row {
    /// Such as `http.listen`.
    pub key: String,
    /// As TOML; secrets are masked.
    pub value: String,
    /// `default`, `file PATH`, `environment NAME` or `PATH` of a `_file` twin.
    pub origin: String,
}

/// A configuration, and where each of its values came from.
#[derive(Debug)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// Every key in alphabetical order.
    pub rows: Vec<Row>,
}

impl Config {
    /// Loads `file` (else `./dailyfeed.toml` where there is one) and the environment over the defaults.
    pub fn load(file: Option<&Path>) -> Result<Loaded, ConfigError> {
        load(file, std::env::vars())
    }
}

/// Values by dotted key. Every key is here from the start, so a key that is not is unknown.
struct Layers {
    values: BTreeMap<String, (Value, String)>,
}

fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Loaded, ConfigError> {
    let mut layers = Layers { values: BTreeMap::new() };
    let defaults =
        Table::try_from(Config::default()).map_err(|error| ConfigError::bad("defaults", "", &error.to_string()))?;
    flatten("", &defaults, &mut |key, value| {
        layers.values.insert(key, (value.clone(), "default".to_owned()));
    });
    let implied = Path::new("dailyfeed.toml");
    if let Some(path) = file.or_else(|| implied.exists().then_some(implied)) {
        layers.add_file(path)?;
    }
    let mut variables: Vec<_> = environment.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    variables.sort();
    for (name, text) in variables {
        let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
        layers.set_text(&key, &text, format!("environment {name}"))?;
    }
    layers.finish()
}

fn flatten(prefix: &str, table: &Table, found: &mut impl FnMut(String, &Value)) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, found),
            value => found(key, value),
        }
    }
}

fn is_secret(key: &str) -> bool {
    SECRET_PARTS.contains(&key.rsplit('.').next().unwrap_or_default())
}

impl Layers {
    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let text = read(&name)?;
        let not_toml = |error: toml::de::Error| ConfigError::NotToml { path: name.clone(), message: error.to_string() };
        let table: Table = text.parse().map_err(not_toml)?;
        let mut leaves = Vec::new();
        flatten("", &table, &mut |key, value| leaves.push((key, value.clone())));
        for (key, value) in leaves {
            let origin = format!("file {name}");
            match value {
                Value::String(text) if key.ends_with("_file") => self.set_text(&key, &text, origin)?,
                value => self.set(&key, value, origin)?,
            }
        }
        Ok(())
    }

    /// A value as the environment gives it: parsed by the type of the default.
    fn set_text(&mut self, key: &str, text: &str, origin: String) -> Result<(), ConfigError> {
        if let Some(twin) = key.strip_suffix("_file").filter(|twin| is_secret(twin) && self.values.contains_key(*twin))
        {
            let value = read(text)?.trim().to_owned();
            if self.values.get(twin).is_some_and(|(_, before)| before != "default") {
                return Err(ConfigError::Twice { key: twin.to_owned() });
            }
            return self.set(twin, Value::String(value), format!("file {text}"));
        }
        let Some((default, _)) = self.values.get(key) else {
            return Err(ConfigError::Unknown { key: key.to_owned(), origin });
        };
        let value = match default {
            Value::Integer(_) => {
                let number = text.trim().parse().map_err(|_| ConfigError::bad(key, text, "a whole number"));
                Value::Integer(number?)
            }
            Value::Boolean(_) => {
                Value::Boolean(text.trim().parse().map_err(|_| ConfigError::bad(key, text, "true or false"))?)
            }
            Value::Array(_) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
            }
            _ => Value::String(text.to_owned()),
        };
        self.set(key, value, origin)
    }

    fn set(&mut self, key: &str, value: Value, origin: String) -> Result<(), ConfigError> {
        let Some(place) = self.values.get_mut(key) else {
            return Err(ConfigError::Unknown { key: key.to_owned(), origin });
        };
        let fits = place.0.same_type(&value)
            && value.as_array().is_none_or(|items| items.iter().all(Value::is_str))
            && value.as_integer().is_none_or(|number| number >= 0);
        if !fits {
            let expected = match place.0 {
                Value::Integer(_) => "a whole number, 0 or more",
                Value::Boolean(_) => "true or false",
                Value::Array(_) => "a list of texts",
                _ => "a text",
            };
            return Err(ConfigError::bad(key, value.to_string().trim_matches('"'), expected));
        }
        *place = (value, origin);
        Ok(())
    }

    fn finish(self) -> Result<Loaded, ConfigError> {
        let mut table = Table::new();
        for (key, (value, _)) in &self.values {
            insert(&mut table, key, value.clone());
        }
        // Types were checked one by one; what is left is numbers that do not fit.
        let config: Config = Value::Table(table).try_into().map_err(|error: toml::de::Error| ConfigError::Bad {
            key: error.message().to_owned(),
            value: String::new(),
            expected: "a value in range".to_owned(),
        })?;
        config.check()?;
        let row = |(key, (value, origin)): (String, (Value, String))| {
            let masked = is_secret(&key) && value.as_str() != Some("");
            let value = if masked { "\"***\"".to_owned() } else { value.to_string() };
            Row { key, value, origin }
        };
        Ok(Loaded { config, rows: self.values.into_iter().map(row).collect() })
    }
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

fn read(path: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        load(None, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_environment_wins_and_says_so() {
        let loaded = with(&[
            ("DAILYFEED_HTTP__LISTEN", "127.0.0.1:0"),
            ("DAILYFEED_HTTP__CORS_ORIGINS", "https://a.kr, https://b.kr"),
            ("DAILYFEED_LIMITS__ENABLED", "false"),
        ]);
        let loaded = loaded.unwrap();
        assert_eq!(loaded.config.http.listen, "127.0.0.1:0");
        assert_eq!(loaded.config.http.cors_origins, ["https://a.kr", "https://b.kr"]);
        assert!(!loaded.config.limits.enabled);
        let row = loaded.rows.iter().find(|row| row.key == "http.listen").unwrap();
        assert_eq!(row.origin, "environment DAILYFEED_HTTP__LISTEN");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |environment: &[(&str, &str)]| with(environment).unwrap_err().to_string();
        assert!(message(&[("DAILYFEED_HTTP__LISTN", "x")]).contains("http.listn"));
        assert!(message(&[("DAILYFEED_HTTP__BODY_MAX_BYTES", "many")]).contains("http.body_max_bytes"));
        assert!(message(&[("DAILYFEED_PROFILE", "cloud")]).contains("profile"));
        assert!(message(&[("DAILYFEED_HTTP__LISTEN", "here")]).contains("http.listen"));
        assert!(message(&[("DAILYFEED_RANKING__DAY_ZONE", "Moon/Base")]).contains("ranking.day_zone"));
        assert!(message(&[("DAILYFEED_ACTORS__QUEUE_MAX", "0")]).contains("actors.queue_max"));
    }

    #[test]
    fn a_file_is_under_the_environment_and_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "data_dir = \"x\"\n[http]\nlisten = \"127.0.0.1:1\"\n").unwrap();
        let environment = [("DAILYFEED_HTTP__LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
        let loaded = load(Some(&path), environment.into_iter()).unwrap();
        assert_eq!((loaded.config.data_dir.as_str(), loaded.config.http.listen.as_str()), ("x", "127.0.0.1:2"));
        std::fs::write(&path, "[http]\nlisten = 8080\n").unwrap();
        let refused = load(Some(&path), std::iter::empty()).unwrap_err().to_string();
        assert!(refused.contains("http.listen") && refused.contains("text"), "{refused}");
        std::fs::write(&path, "[htp]\nlisten = \"x\"\n").unwrap();
        assert!(load(Some(&path), std::iter::empty()).unwrap_err().to_string().contains("htp.listen"));
    }

    #[test]
    fn a_secret_may_come_from_a_file_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        std::fs::write(&path, "https://feed.example\n").unwrap();
        let path = path.display().to_string();
        let loaded = with(&[("DAILYFEED_HTTP__PUBLIC_URL_FILE", &path)]);
        // Not a secret: `public_url` is no `url`, so it has no twin.
        assert!(loaded.is_err());
        assert!(is_secret("mysql.url") && is_secret("internal.secret") && !is_secret("http.listen"));
    }
}
