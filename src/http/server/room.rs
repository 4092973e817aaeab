//! The connections of one listener: how many there may be, and which of them can go for others.
use super::pace::Pace;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A connection that has been idle for less is left alone: its next request may be on its way.
const IDLE_MIN: Duration = Duration::from_secs(1);
/// How often idle connections are looked for while a new one waits.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Of so many connections one is closed at once where there is no place for a new one; not more, because each that was
/// only pausing has to be opened again.
const SHARE_CLOSED: usize = 8;

/// Places for connections, and who has them.
pub(super) struct Room {
    places: Arc<Semaphore>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    by: HashMap<u64, Arc<Pace>>,
}

/// A place for one connection, which somebody has to take.
pub(super) struct Place(OwnedSemaphorePermit);

/// A place and its connection. Dropped when that ends.
pub(super) struct Seat {
    room: Arc<Room>,
    number: u64,
    pace: Arc<Pace>,
    _place: OwnedSemaphorePermit,
}

impl Room {
    /// For so many connections; further ones wait until one ends, or is closed because it is idle.
    pub(super) fn new(open_max: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(open_max.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { places, taken: Mutex::default() })
    }

    /// A place, as soon as there is one.
    pub(super) async fn place(&self) -> Option<Place> {
        loop {
            let place = tokio::time::timeout(LOOK_EVERY, self.places.clone().acquire_owned());
            match place.await {
                // The semaphore is never closed.
                Ok(place) => return place.ok().map(Place),
                Err(_) => self.make_room(),
            }
        }
    }

    /// Seats a connection.
    pub(super) fn seat(self: &Arc<Self>, Place(place): Place) -> Seat {
        let pace = Arc::new(Pace::default());
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let number = taken.next;
        taken.next += 1;
        taken.by.insert(number, pace.clone());
        drop(taken);
        Seat { room: self.clone(), number, pace, _place: place }
    }

    /// Asks a share of the connections to leave: those that have been idle for the longest time.
    pub(super) fn make_room(&self) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let most = taken.by.len().div_ceil(SHARE_CLOSED);
        let idle = |pace: &Arc<Pace>| {
            pace.activity.idle_for().filter(|idle| *idle >= IDLE_MIN).map(|idle| (idle, pace.clone()))
        };
        let mut idle: Vec<(Duration, Arc<Pace>)> = taken.by.values().filter_map(idle).collect();
        drop(taken);
        idle.sort_unstable_by_key(|(idle, _)| std::cmp::Reverse(*idle));
        idle.truncate(most);
        if !idle.is_empty() {
            tracing::debug!(connections = idle.len(), "closing idle connections to make room");
            metrics::counter!("dailyfeed_connections_evicted_total").increment(idle.len() as u64);
        }
        for (_, pace) in idle {
            pace.ask_to_leave();
        }
    }
}

impl Seat {
    pub(super) fn pace(&self) -> &Arc<Pace> {
        &self.pace
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.taken.lock().unwrap_or_else(PoisonError::into_inner).by.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::places::Answering, *};

    #[tokio::test(start_paused = true)]
    async fn whoever_is_idle_the_longest_leaves_first_and_who_is_served_stays() {
        let room = Room::new(3);
        let mut seats = Vec::new();
        for _ in 0..3 {
            let place = room.place().await.unwrap();
            seats.push(room.seat(place));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        let _served = Answering::begin(seats[0].pace().clone());
        let waiting = tokio::spawn({
            let room = room.clone();
            async move { room.place().await.is_some() }
        });
        let asked = |seat: &Seat| seat.pace().clone();
        let (served, oldest, newest) = (asked(&seats[0]), asked(&seats[1]), asked(&seats[2]));
        oldest.asked_to_leave().await;
        assert!(tokio::time::timeout(Duration::ZERO, newest.asked_to_leave()).await.is_err());
        seats.remove(1);
        assert!(waiting.await.unwrap(), "the newcomer has the place");
        assert!(tokio::time::timeout(Duration::ZERO, served.asked_to_leave()).await.is_err());
    }
}
