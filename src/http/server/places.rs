//! Places for connections: how many one address has, and which connections give theirs back.
//!
//! A connection is idle while no request is being answered and no body of an answer waits for something to send: an open
//! stream is not idle, a download that its client does not take is. Idle connections are closed after a time, and sooner
//! where others wait for their places (`room.rs`).
use super::pace::Pace;
use crate::http::limits::key_of;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// Connections of an address that are looked at for an idle one; the next newcomer looks at the next ones.
const LOOKED_AT: usize = 64;

/// How many connections each address has. As long as there are connections at most.
pub(super) struct Addresses {
    each_max: usize,
    /// Proxies speak for many.
    trusted: Vec<IpNet>,
    open: Mutex<FxHashMap<u64, Share>>,
    begun: Instant,
    /// The minute in which a refusal was logged last.
    logged: AtomicU64,
}

/// What one address has.
#[derive(Default)]
struct Share {
    open: usize,
    /// Those who may be asked to leave, some of which may have left already.
    connections: VecDeque<Weak<Pace>>,
}

/// One connection's place among those of its address.
pub(super) struct Place {
    /// None for a trusted proxy.
    counted: Option<(Arc<Addresses>, u64)>,
}

impl Addresses {
    pub(super) fn new(each_max: usize, trusted: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { each_max, trusted, open: Mutex::default(), begun: Instant::now(), logged: AtomicU64::new(0) })
    }

    /// A place. Where the address has as many as it may, one of its own that is idle leaves for it; none where they are
    /// all in use.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr, pace: &Arc<Pace>) -> Option<Place> {
        let peer = peer.to_canonical();
        if self.trusted.iter().any(|network| network.contains(&peer)) {
            return Some(Place { counted: None });
        }
        let key = key_of(peer, false);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let share = open.entry(key).or_default();
        let free = share.open < self.each_max || share.one_leaves();
        if free {
            share.add(pace);
        }
        drop(open);
        if !free {
            metrics::counter!("dailyfeed_connections_refused_total").increment(1);
            self.log(peer);
        }
        free.then(|| Place { counted: Some((self.clone(), key)) })
    }
}

impl Addresses {
    /// Once a minute at most: whoever is refused comes again at once.
    fn log(&self, peer: IpAddr) {
        let minute = self.begun.elapsed().as_secs() / 60 + 1;
        if self.logged.swap(minute, Ordering::Relaxed) != minute {
            let max = self.each_max;
            let key = "http.connections_per_address_max";
            tracing::warn!(%peer, max, key, "an address has as many connections as it may, all in use");
        }
    }
}

impl Share {
    fn add(&mut self, pace: &Arc<Pace>) {
        self.open += 1;
        if self.connections.len() > 2 * self.open + LOOKED_AT {
            self.connections.retain(|connection| connection.strong_count() > 0);
        }
        self.connections.push_back(Arc::downgrade(pace));
    }

    /// Asks the first that is found idle to leave.
    fn one_leaves(&mut self) -> bool {
        for _ in 0..self.connections.len().min(LOOKED_AT) {
            let Some(pace) = self.connections.pop_front().and_then(|connection| connection.upgrade()) else { continue };
            if pace.activity.idle_for().is_some() {
                pace.ask_to_leave();
                return true;
            }
            self.connections.push_back(Arc::downgrade(&pace));
        }
        false
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((addresses, key)) = &self.counted else { return };
        let mut open = addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get_mut(key).map_or(0, |share| {
            share.open -= 1;
            share.open
        });
        if left == 0 {
            open.remove(key);
        }
    }
}

/// What goes on on one connection.
pub(super) struct Activity {
    opened: Instant,
    /// Requests being answered, and bodies that wait for something to send.
    under_way: AtomicU32,
    /// Milliseconds from `opened` to the last thing that happened.
    last: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self { opened: Instant::now(), under_way: AtomicU32::new(0), last: AtomicU64::new(0) }
    }
}

impl Activity {
    /// For how long nothing has happened; none while something is under way.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let last = Duration::from_millis(self.last.load(Ordering::Acquire));
        let idle = self.under_way.load(Ordering::Acquire) == 0;
        idle.then(|| self.opened.elapsed().saturating_sub(last))
    }

    /// Returns when the connection has been idle for so long.
    pub(super) async fn idles(&self, max: Duration) {
        loop {
            let idle = self.idle_for().unwrap_or_default();
            if idle >= max {
                return;
            }
            tokio::time::sleep(max - idle).await;
        }
    }

    fn begins(&self) {
        self.under_way.fetch_add(1, Ordering::AcqRel);
    }

    fn moves(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Release);
    }

    fn ends(&self) {
        self.moves();
        self.under_way.fetch_sub(1, Ordering::AcqRel);
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
            (false, false) => activity.moves(),
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
        // In use, all of them.
        let pace = Arc::<Pace>::default();
        let _answering = Answering::begin(pace.clone());
        let enter = |text: &str| addresses.enter(address(text), &pace);
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

    #[tokio::test]
    async fn a_newcomer_takes_the_place_of_an_idle_connection_of_its_address() {
        let addresses = Addresses::new(2, Vec::new());
        let (busy, idle, third) = (Arc::<Pace>::default(), Arc::<Pace>::default(), Arc::<Pace>::default());
        let _answering = Answering::begin(busy.clone());
        let enter = |pace: &Arc<Pace>| addresses.enter(address("203.0.113.5"), pace);
        let _held = [enter(&busy).unwrap(), enter(&idle).unwrap()];
        let _third = enter(&third).unwrap();
        assert!(idle.asked_to_leave().now_or_never().is_some() && busy.asked_to_leave().now_or_never().is_none());
        let _answering_too = Answering::begin(third.clone());
        assert!(enter(&Arc::default()).is_none(), "nobody is left who is idle");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_between_requests_and_while_its_client_takes_nothing() {
        const MAX: Duration = Duration::from_secs(60);
        let pace = Arc::<Pace>::default();
        let mut passes = Box::pin(pace.activity.idles(MAX));
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
        assert_eq!(begun.elapsed().as_secs(), 60);

        let stalled = Answering::begin(pace.clone()).answered(Body::from("nobody takes it"));
        let begun = Instant::now();
        pace.activity.idles(MAX).await;
        assert_eq!(begun.elapsed().as_secs(), 60);
        drop(stalled);
    }
}
