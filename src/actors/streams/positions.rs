//! The positions of one stream in the event log.
use crate::domain::Position;

/// How far one stream has come. The log grows to the right:
///
/// ```text
///            sent_to            read_to            live_from         offered_to
///               |                  |                   |                 |
///   ------------+------------------+-------------------+-----------------+--------------> log
///    the client |  outbox:         |  replay:          |  watcher:       |  not applied
///    has these  |  ready to be sent|  in the log,      |  offered by the |  to the
///               |                  |  to be read       |  hub, waiting   |  projection yet
/// ```
///
/// - `live_from`: the projection's position when the stream was registered with the hub. The hub offers every later event;
///   the replay reads the earlier ones from the log. An event that comes from both is handled once: `read_to` decides.
/// - `offered_to`: every stream has been offered the events up to here. Kept by the hub.
/// - A live stream has no replay: `read_to >= live_from`, and its watcher holds what is between `read_to` and `offered_to`.
/// - A feed cursor's `pinned` is a possible start: a stream resumed there continues what the page shows.
/// - `counted_to` is apart from the others: counts are not events of the stream. They are reported once a second for the
///   posts on the client's screen, and a resumed stream begins with the counts of now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Positions {
    /// Events up to here are in the outbox, or needed no sending.
    pub(super) read_to: Position,
    /// The last position that was handed out.
    pub(super) sent_to: Position,
    /// Changes of counts up to here are reported.
    pub(super) counted_to: Position,
}

impl Positions {
    /// The positions of a stream that begins at `position`.
    pub(super) fn at(position: Position) -> Self {
        Self { read_to: position, sent_to: position, counted_to: position }
    }

    /// Returns where the client may resume without missing anything. `is_idle` says that nothing waits in the replay or in
    /// the watcher; `offered_to` must be read before that.
    pub(super) fn resume_from(&self, outbox_is_empty: bool, is_idle: bool, offered_to: Position) -> Position {
        if !outbox_is_empty {
            self.sent_to
        } else if is_idle {
            self.read_to.max(offered_to)
        } else {
            self.read_to
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_never_resumes_behind_something_that_it_was_not_sent() {
        let positions = Positions { read_to: Position(5), sent_to: Position(3), counted_to: Position(0) };
        assert_eq!(positions.resume_from(false, false, Position(9)), Position(3));
        assert_eq!(positions.resume_from(false, true, Position(9)), Position(3));
        assert_eq!(positions.resume_from(true, false, Position(9)), Position(5));
        assert_eq!(positions.resume_from(true, true, Position(9)), Position(9));
        assert_eq!(positions.resume_from(true, true, Position(4)), Position(5));
    }
}
