//! Configuration: defaults, then a TOML file, then the environment. Unknown keys and bad values are refused by name.
//!
//! `settings` lists the keys, `layers` decides which value wins, `origin` says where it came from, `check` refuses what
//! types cannot.
mod check;
mod derived;
mod error;
mod layers;
mod load;
mod origin;
mod settings;

pub use error::ConfigError;
pub use load::{Loaded, Row};
pub use origin::Origin;
pub use settings::{
    Actors, Admin, Authentication, Config, Events, Http, Images, Limits, Log, Node, Ranking, Storage, Stream, Timeline,
};

#[cfg(test)]
mod tests;
