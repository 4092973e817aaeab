//! Open files: how many the process may have, and what they are kept for.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files kept back for databases, the search index, listeners and the runtime, beside two for each connection that reads
/// the database. Without them a crowd of connections would leave a commit no file to write to.
const KEPT: usize = 160;
/// Images that are read at once: a file each for as long as the client takes. One more is answered 503.
const IMAGES_MAX: usize = 1_024;

/// Raises the limit of open files to the most that the process is allowed, and says what it is now.
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot raise the limit of open files");
    }
    limit()
}

/// The limit of open files in force.
fn limit() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// How the files are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Connections of the public listener.
    pub connections: usize,
    /// Images that are read at once.
    pub images: usize,
}

/// The share of connections, `wanted` at most, where so many connections read the database.
pub fn share(wanted: usize, readers: u32) -> Share {
    shared(limit(), wanted, readers)
}

fn shared(limit: usize, wanted: usize, readers: u32) -> Share {
    // Half of very few is better than nothing for either.
    let kept = (KEPT + 2 * readers as usize).min(limit / 2);
    let free = limit - kept;
    let images = (free / 4).clamp(1, IMAGES_MAX);
    Share { connections: wanted.min(free - images).max(1), images }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_what_stores() {
        assert_eq!(shared(usize::MAX, 20_000, 4), Share { connections: 20_000, images: 1_024 });
        assert_eq!(shared(20_000, 20_000, 4), Share { connections: 18_808, images: 1_024 });
        assert_eq!(shared(1_024, 20_000, 4), Share { connections: 642, images: 214 });
        assert_eq!(shared(1_024, 100, 4), Share { connections: 100, images: 214 });
        assert_eq!(shared(64, 20_000, 256), Share { connections: 24, images: 8 });
        for limit in 2..2_000 {
            let Share { connections, images } = shared(limit, 20_000, 4);
            assert!(connections + images <= limit - limit.min(336) / 2 + 1, "{limit}");
        }
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        raise();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
