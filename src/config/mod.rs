//! Configuration: defaults, then a TOML file, then the environment. Unknown keys and bad values are refused by name.
mod layers;
mod settings;

pub use layers::{ConfigError, Loaded, Row};
pub use settings::{
    Actors, Admin, Authentication, Config, Events, Http, Limits, Log, Node, Ranking, Storage, Stream, Timeline,
};
