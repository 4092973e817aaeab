//! Configuration: defaults, then a TOML file, then the environment; the last one wins. An unknown key or an invalid
//! value is refused by name.
//!
//! `settings` lists the keys, `layers` merges the values, `origin` names where each comes from and masks secrets,
//! `check` validates them, `load` runs all of it, and `derived` combines several keys.
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
