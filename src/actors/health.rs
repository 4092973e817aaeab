//! Parts of the server (search, ranking, ...), which can be down while the core and the other parts work.
use super::error::Error;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// A part of the server. Down while at least one of its [`Fault`]s is present. Cheap to clone.
#[derive(Clone)]
pub(super) struct Part {
    name: &'static str,
    /// How many of the part's faults are present.
    faults: Arc<AtomicUsize>,
}

impl Part {
    pub(super) fn new(name: &'static str) -> Self {
        metrics::gauge!("dailyfeed_part_up", "part" => name).set(1.0);
        Self { name, faults: Arc::default() }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn is_up(&self) -> bool {
        self.faults.load(Ordering::Acquire) == 0
    }

    /// Refuses `Down` while the part is down.
    pub(super) fn require_up(&self) -> Result<(), Error> {
        if self.is_up() { Ok(()) } else { Err(Error::Down(self.name)) }
    }

    /// Creates a fault of this part that is not present yet.
    pub(super) fn new_fault(&self) -> Fault {
        Fault { part: self.clone(), present: Arc::default() }
    }
}

/// One possible fault of a part, such as an actor that is down or a file that cannot be written.
#[derive(Clone)]
pub(super) struct Fault {
    part: Part,
    present: Arc<AtomicBool>,
}

impl Fault {
    /// Sets whether the fault is present; setting the present state again changes nothing.
    pub(super) fn set(&self, present: bool) {
        if self.present.swap(present, Ordering::AcqRel) == present {
            return;
        }
        let name = self.part.name;
        let faults = &self.part.faults;
        if present {
            if faults.fetch_add(1, Ordering::AcqRel) == 0 {
                metrics::gauge!("dailyfeed_part_up", "part" => name).set(0.0);
                tracing::warn!(part = name, "part is down; retrying while the other parts keep running");
            }
        } else if faults.fetch_sub(1, Ordering::AcqRel) == 1 {
            metrics::gauge!("dailyfeed_part_up", "part" => name).set(1.0);
            tracing::warn!(part = name, "part is up again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_up_when_none_of_its_faults_is_present() {
        let part = Part::new("test");
        let (one, two) = (part.new_fault(), part.new_fault());
        for _ in 0..2 {
            one.set(true);
        }
        two.set(true);
        one.set(false);
        assert!(matches!(part.require_up(), Err(Error::Down("test"))));
        two.set(false);
        assert!(part.require_up().is_ok());
        one.set(true);
        assert!(!part.is_up());
    }
}
