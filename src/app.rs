//! Puts the layers together: configuration, stores, actors, listeners; and takes them apart in reverse.
use crate::{
    actors::{Actors, StartError, Supervisor},
    config::Config,
    storage::{StoreError, Stores},
};
