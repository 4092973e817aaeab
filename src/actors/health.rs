//! Parts of the server that may be down while everything else goes on.
use super::Error;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// A part that derives from the core or works beside it, such as search. Down while it has any trouble.
#[derive(Clone)]
pub(super) struct Part {
    name: &'static str,
    troubles: Arc<AtomicUsize>,
}

impl Part {
    pub(super) fn new(name: &'static str) -> Self {
        metrics::gauge!("dailyfeed_part_up", "part" => name).set(1.0);
        Self { name, troubles: Arc::default() }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn is_up(&self) -> bool {
        self.troubles.load(Ordering::Acquire) == 0
    }

    /// Refuses `Down` while the part is down.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.is_up() { Ok(()) } else { Err(Error::Down(self.name)) }
    }

    /// Something that may go wrong with the part, and has not yet.
    pub(super) fn trouble(&self) -> Trouble {
        Trouble { part: self.clone(), present: Arc::default() }
    }
}

/// One thing that may be wrong with a part. Saying twice that it is changes nothing.
#[derive(Clone)]
pub(super) struct Trouble {
    part: Part,
    present: Arc<AtomicBool>,
}

impl Trouble {
    /// Says whether it is wrong; the part is up again once none of its troubles is.
    pub(super) fn set(&self, present: bool) {
        if self.present.swap(present, Ordering::AcqRel) == present {
            return;
        }
        let (name, troubles) = (self.part.name, &self.part.troubles);
        if present {
            if troubles.fetch_add(1, Ordering::AcqRel) == 0 {
                metrics::gauge!("dailyfeed_part_up", "part" => name).set(0.0);
                tracing::warn!(part = name, "part is down; retrying while the other parts keep running");
            }
        } else if troubles.fetch_sub(1, Ordering::AcqRel) == 1 {
            metrics::gauge!("dailyfeed_part_up", "part" => name).set(1.0);
            tracing::warn!(part = name, "part is up again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_up_once_none_of_its_troubles_is_left() {
        let part = Part::new("test");
        let (one, two) = (part.trouble(), part.trouble());
        for _ in 0..2 {
            one.set(true);
        }
        two.set(true);
        one.set(false);
        assert!(matches!(part.check(), Err(Error::Down("test"))));
        two.set(false);
        assert!(part.check().is_ok());
        one.set(true);
        assert!(!part.is_up());
    }
}
