//! `Positions`: how far one stream has read, sent and counted, as positions of the event log.
use crate::domain::Position;

/// The positions of one stream. The log grows to the right:
///
/// ```text
///            sent_to            read_to            live_from         offered_to
///               |                  |                   |                 |
///   ------------+------------------+-------------------+-----------------+--------------> log
///    the client | outbox:          | replay:           | queue:        | not offered
///    has these  | ready to be sent | to be read from   | offered by the  | yet
///               |                  | the log           | hub, waiting    |
/// ```
///
/// - `live_from`: the projection's position when the stream was registered with the hub. The hub offers every later
///   event; the replay reads the earlier ones from the log. `read_to` excludes an event that both have.
/// - `offered_to`: every stream has been offered the events up to here. The hub keeps it.
/// - A live stream has no replay: `read_to >= live_from`, and its queue has the events from `read_to` to
///   `offered_to`.
/// - `read_to`, `sent_to` and `counted_to` start at the cursor, or at `live_from` without one. The cursor can be the
///   `pinned` position of a feed page: the stream then shows what was created after the page.
/// - `counted_to` moves apart from the others, once a second: counts are not events of the stream, but values of the
///   posts on the client's screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Positions {
    /// Events up to here are in the outbox, were sent, or become no live event.
    pub(super) read_to: Position,
    /// The position of the last item that was sent.
    pub(super) sent_to: Position,
    /// Changes of counts up to here are reported.
    pub(super) counted_to: Position,
}

impl Positions {
    /// Returns the positions of a stream that starts at `position`.
    pub(super) fn at(position: Position) -> Self {
        Self { read_to: position, sent_to: position, counted_to: position }
    }

    /// Returns the position from which the client can resume without missing anything. `is_idle` states that no event
    /// waits in the replay or in the queue; the caller reads `offered_to` before it finds that out.
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
    fn a_client_never_resumes_after_an_event_that_it_was_not_sent() {
        let positions = Positions { read_to: Position(5), sent_to: Position(3), counted_to: Position(0) };
        assert_eq!(positions.resume_from(false, false, Position(9)), Position(3));
        assert_eq!(positions.resume_from(false, true, Position(9)), Position(3));
        assert_eq!(positions.resume_from(true, false, Position(9)), Position(5));
        assert_eq!(positions.resume_from(true, true, Position(9)), Position(9));
        assert_eq!(positions.resume_from(true, true, Position(4)), Position(5));
    }
}
