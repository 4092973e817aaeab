//! The limit of open files: raises it at the start, and divides it between connections, images and stores.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are reserved for databases, the search index, listeners and the runtime; two more are reserved for each
/// read connection of the database. Without the reserve, many connections could leave no file for a commit.
const RESERVED: usize = 160;
/// Maximum images read at the same time; each holds a file until the client has received it. One more is answered 503.
const IMAGES_MAX: usize = 1_024;

/// Raises the soft limit of open files to the hard limit, and returns the limit in force.
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot raise the limit of open files");
    }
    limit()
}

/// Returns the limit of open files in force.
fn limit() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// The files of each use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Maximum connections of the public listener.
    pub connections: usize,
    /// Maximum images read at the same time.
    pub images: usize,
}

/// Divides the limit: at most `wanted` connections, with `readers` read connections of the database.
pub fn share(wanted: usize, readers: u32) -> Share {
    shared(limit(), wanted, readers)
}

fn shared(limit: usize, wanted: usize, readers: u32) -> Share {
    // With a very low limit the reserve takes half, so that both sides have some.
    let reserved = (RESERVED + 2 * readers as usize).min(limit / 2);
    let free = limit - reserved;
    let images = (free / 4).clamp(1, IMAGES_MAX);
    Share { connections: wanted.min(free - images).max(1), images }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_stores() {
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
    fn the_soft_limit_is_raised_to_the_hard_limit() {
        raise();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
