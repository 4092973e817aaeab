//! From files and variables to a checked configuration.
use super::{Config, ConfigError, Origin, check, layers::Layers};
use std::path::Path;
use toml::{Table, Value};

/// Read where no file is named.
const IMPLIED: &str = "dailyfeed.toml";

/// One value in force.
#[derive(Debug, Clone)]
pub struct Row {
    /// Such as `http.listen`.
    pub key: String,
    /// As TOML; secrets and credentials are masked.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
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
    /// Loads `file` (else `./dailyfeed.toml` where there is one) and the environment over the defaults, and checks the
    /// result. Refuses a file that cannot be read, unknown keys and bad values; the first one found is named.
    pub fn load(file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            // Others' variables may be anything.
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
