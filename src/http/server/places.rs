//! Places for connections: how many one address has, and which connections give theirs back.
//!
//! A connection is idle while no request is being answered and no body of an answer waits for something to send: an open
//! stream is not idle, a download that its client does not take is. Idle connections are closed after a time, and after a
//! few seconds where every place is taken.
use super::pace::Pace;
use crate::http::limits::key_of;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use std::{
    net::IpAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How long a connection may be idle where others wait for its place.
const IDLE_MAX_WHEN_SHORT: Duration = Duration::from_secs(5);
/// How often those who are idle are asked for their places while there are none.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A connection looks so often within its idle time whether it was used.
const LOOKS: u32 = 4;

/// How many connections each address has. As long as there are connections at most.
pub(super) struct Addresses {
    each_max: usize,
    /// Proxies speak for many.
    trusted: Vec<IpNet>,
    open: Mutex<FxHashMap<u64, usize>>,
}

/// One connection's place among those of its address.
pub(super) struct Place {
    /// None for a trusted proxy.
    counted: Option<(Arc<Addresses>, u64)>,
}

impl Addresses {
    pub(super) fn new(each_max: usize, trusted: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { each_max, trusted, open: Mutex::default() })
    }

    /// A place, unless the address has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        if self.trusted.iter().any(|network| network.contains(&peer)) {
            return Some(Place { counted: None });
        }
        let key = key_of(peer, false);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key).or_default();
        let free = *count < self.each_max;
        *count += usize::from(free);
        drop(open);
        if !free {
            metrics::counter!("dailyfeed_connections_refused_total").increment(1);
            tracing::debug!(%peer, max = self.each_max, "an address has as many connections as it may");
        }
        free.then(|| Place { counted: Some((self.clone(), key)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((addresses, key)) = &self.counted else { return };
        let mut open = addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get_mut(key).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            open.remove(key);
        }
    }
}

/// When a connection has been idle for too long.
pub(super) struct Idle {
    max: Duration,
    short: Notify,
}

impl Idle {
    pub(super) fn new(max: Duration) -> Self {
        Self { max, short: Notify::new() }
    }

    /// Waits for something that only others' places can give, and asks for them meanwhile.
    pub(super) async fn while_short<T>(&self, wanted: impl Future<Output = T>) -> T {
        let mut wanted = pin!(wanted);
        loop {
            self.short.notify_waiters();
            if let Ok(found) = tokio::time::timeout(ASK_EVERY, wanted.as_mut()).await {
                return found;
            }
        }
    }

    /// Returns when the connection has been idle for too long.
    pub(super) async fn passed(&self, activity: &Activity) {
        let (mut since, mut moves) = (Instant::now(), activity.moves());
        loop {
            let short = tokio::select! {
                () = tokio::time::sleep(self.max / LOOKS) => false,
                () = self.short.notified() => true,
            };
            let now = activity.moves();
            if activity.is_under_way() || now != moves {
                (since, moves) = (Instant::now(), now);
                continue;
            }
            let max = if short { self.max.min(IDLE_MAX_WHEN_SHORT) } else { self.max };
            if since.elapsed() >= max {
                return;
            }
        }
    }
}

/// What goes on on one connection.
#[derive(Default)]
pub(super) struct Activity {
    /// Requests being answered, and bodies that wait for something to send.
    under_way: AtomicU32,
    /// Grows with each thing that happens.
    moves: AtomicU32,
}

impl Activity {
    fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }

    fn moves(&self) -> u32 {
        self.moves.load(Ordering::Relaxed)
    }

    fn begins(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    fn ends(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request being answered, from its header to the answer's.
pub(super) struct Answering(Arc<Pace>);

impl Answering {
    pub(super) fn begin(pace: Arc<Pace>) -> Self {
        pace.activity.begins();
        Self(pace)
    }

    /// The answer is there: from here on its body is watched.
    pub(super) fn answered(self, body: Body) -> Watched {
        self.0.answered();
        Watched { inner: body, pace: self.0.clone(), waits: false }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.activity.ends();
    }
}

/// A body on its way out.
pub(super) struct Watched {
    inner: Body,
    pace: Arc<Pace>,
    /// It was asked for more, and has nothing yet. A body that nobody asks is one whose client takes nothing.
    waits: bool,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        let activity = &self.pace.activity;
        match (self.waits, polled.is_pending()) {
            (false, true) => activity.begins(),
            (true, false) => activity.ends(),
            (false, false) => {
                activity.moves.fetch_add(1, Ordering::Relaxed);
            }
            (true, true) => {}
        }
        self.waits = polled.is_pending();
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.waits {
            self.pace.activity.ends();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt, stream};
    use http_body_util::BodyExt;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_a_proxy_has_no_limit() {
        let addresses = Addresses::new(2, vec!["10.0.0.0/8".parse().unwrap()]);
        let enter = |text: &str| addresses.enter(address(text));
        let mut held: Vec<Place> = (0..5).filter_map(|_| enter("203.0.113.5")).collect();
        assert_eq!(held.len(), 2);
        held.extend(["203.0.113.6", "::ffff:203.0.113.6"].map(|text| enter(text).unwrap()));
        assert!(enter("203.0.113.6").is_none(), "the same address, written the other way");
        held.extend(["2001:db8::1", "2001:db8::2"].map(|text| enter(text).unwrap()));
        assert!(enter("2001:db8::3").is_none(), "one customer's network");
        assert!(enter("2001:db8:0:1::1").is_some());
        held.extend((0..9).map(|_| enter("10.1.2.3").unwrap()));
        drop(held);
        assert!(addresses.open.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_between_requests_and_while_its_client_takes_nothing() {
        let idle = Idle::new(Duration::from_secs(60));
        let pace = Arc::<Pace>::default();
        let mut passes = Box::pin(idle.passed(&pace.activity));
        let answering = Answering::begin(pace.clone());
        assert!(tokio::time::timeout(Duration::from_secs(600), passes.as_mut()).await.is_err(), "it is being answered");
        let events = stream::once(async { Ok::<_, std::io::Error>("event") }).chain(stream::pending());
        let mut body = answering.answered(Body::from_stream(events));
        body.frame().await.unwrap().unwrap();
        assert!(body.frame().now_or_never().is_none());
        assert!(tokio::time::timeout(Duration::from_secs(600), passes.as_mut()).await.is_err(), "a stream is open");
        drop(body);
        let begun = Instant::now();
        passes.await;
        let waited = begun.elapsed().as_secs();
        assert!((60..=75).contains(&waited), "{waited}");

        let stalled = Answering::begin(pace.clone()).answered(Body::from("nobody takes it"));
        let begun = Instant::now();
        idle.passed(&pace.activity).await;
        assert_eq!(begun.elapsed().as_secs(), 60);
        drop(stalled);
    }

    #[tokio::test(start_paused = true)]
    async fn the_idle_give_their_places_back_where_there_are_none() {
        let idle = Idle::new(Duration::from_secs(3_600));
        let pace = Arc::<Pace>::default();
        let begun = Instant::now();
        idle.while_short(idle.passed(&pace.activity)).await;
        assert!((5..=6).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
}
