//! [`Config::load`]: reads the file and the environment, merges them with the defaults and checks the result.
use super::{Config, ConfigError, Origin, check, layers::Layers};
use std::path::Path;
use toml::{Table, Value};

/// The file that is read if none is given.
const IMPLIED: &str = "dailyfeed.toml";

/// A key with its effective value.
#[derive(Debug, Clone)]
pub struct Row {
    /// Such as `http.listen`.
    pub key: String,
    /// As TOML; secrets and credentials are masked.
    pub value: String,
    /// The origin of the value.
    pub origin: Origin,
}

/// A configuration and the origin of each of its values.
#[derive(Debug)]
pub struct Loaded {
    /// The effective configuration.
    pub config: Config,
    /// Every key in alphabetical order.
    pub rows: Vec<Row>,
}

impl Config {
    /// Merges `file` (else `./dailyfeed.toml` if it exists) and the environment with the defaults, and checks the
    /// result.
    ///
    /// Errors: an unreadable file, an unknown key, an invalid value. The first one found is named.
    pub fn load(file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            // Variables of other programs need not be UTF-8.
            let Some(name) = name.to_str().filter(|name| name.starts_with(super::layers::PREFIX)) else { continue };
            let value = value.into_string().map_err(|_| ConfigError::NotText { name: name.to_owned() })?;
            variables.push((name.to_owned(), value));
        }
        variables.sort();
        let implied = Path::new(IMPLIED);
        let file = file.or_else(|| implied.exists().then_some(implied));
        load(file, variables.into_iter())
    }
}

pub(super) fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let defaults = Table::try_from(Config::default()).map_err(|error| ConfigError::Program(error.to_string()))?;
    let mut layers = Layers::new(&defaults);
    if let Some(path) = file {
        layers.add_file(path)?;
    }
    layers.add_environment(environment)?;
    let blame = |fault| layers.blame(fault);
    check::numbers(layers.numbers()).map_err(blame)?;
    let typed = Value::Table(layers.table()).try_into::<Config>();
    let config = typed.map_err(|error| ConfigError::Program(error.to_string()))?;
    check::rules(&config).map_err(blame)?;
    let rows = layers.rows().map(|(key, value, origin)| Row { key, value, origin }).collect();
    Ok(Loaded { config, rows })
}
