//! Scenarios: the mix of routes, the schedule of requests, and the distribution of members and posts.
use rand::{RngExt, rngs::StdRng};
use std::time::Duration;

/// The load tests, with the names of their scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// 90 % reads, 10 % writes; authors and posts by Zipf's law
    Feed,
    /// 64 % posts, 12 % comments, 4 % likes, 20 % feeds
    Write,
    /// Only the home feed
    Home,
    /// One author whom every member follows; measures how soon each post is in the followers' feeds
    Celebrity,
    /// Queries of two words for the 20 best posts
    Search,
    /// From the rate to five times the rate, in steps
    Spike,
    /// The mix of `feed`; reports the four quarters of the run separately
    Soak,
    /// Sign-ups and logins while other members read
    Auth,
    /// The load of a published test: 10 to 100 users, four GETs a second apart (a closed loop)
    Blog,
}

/// The kind of a request, with the names of the scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Home,
    Author,
    Recent,
    Post,
    Comments,
    Publish,
    Comment,
    Like,
    Search,
    SignUp,
    Login,
}

impl Route {
    pub(super) const ALL: [Self; 11] = [
        Self::Home,
        Self::Author,
        Self::Recent,
        Self::Post,
        Self::Comments,
        Self::Publish,
        Self::Comment,
        Self::Like,
        Self::Search,
        Self::SignUp,
        Self::Login,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Author => "author",
            Self::Recent => "recent",
            Self::Post => "post",
            Self::Comments => "comments",
            Self::Publish => "publish",
            Self::Comment => "comment",
            Self::Like => "like",
            Self::Search => "search",
            Self::SignUp => "signup",
            Self::Login => "login",
        }
    }
}

impl Scenario {
    /// Returns the routes with their weights.
    fn weights(self) -> &'static [(Route, u32)] {
        use Route as R;
        match self {
            Self::Feed | Self::Soak => &[
                (R::Home, 65),
                (R::Author, 10),
                (R::Recent, 5),
                (R::Post, 10),
                (R::Publish, 4),
                (R::Comment, 2),
                (R::Like, 4),
            ],
            Self::Write => &[(R::Publish, 64), (R::Comment, 12), (R::Like, 4), (R::Home, 20)],
            Self::Home | Self::Celebrity | Self::Blog => &[(R::Home, 1)],
            Self::Search => &[(R::Search, 1)],
            Self::Spike => &[(R::Home, 90), (R::Publish, 10)],
            Self::Auth => &[(R::SignUp, 1), (R::Login, 2), (R::Home, 10)],
        }
    }

    pub(super) fn choose(self, random: &mut StdRng) -> Route {
        let weights = self.weights();
        let mut at = random.random_range(0..weights.iter().map(|(_, weight)| weight).sum());
        for (route, weight) in weights {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return *route,
            }
        }
        Route::Home
    }
}

/// When each request is due.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    /// Requests per second and total requests of each step.
    steps: Vec<(u64, u64)>,
}

impl Schedule {
    pub(super) fn new(scenario: Scenario, rate: u64, seconds: u64) -> Self {
        let times: &[u64] = match scenario {
            Scenario::Spike => &[1, 2, 3, 4, 5, 1],
            Scenario::Soak => &[1, 1, 1, 1],
            _ => &[1],
        };
        let step = |times_rate: &u64| {
            let rate = rate * times_rate;
            (rate, (rate * seconds / times.len() as u64).max(1))
        };
        Self { steps: times.iter().map(step).collect() }
    }

    pub(super) fn total(&self) -> u64 {
        self.steps.iter().map(|(_, requests)| requests).sum()
    }

    /// Returns the time after the start at which a request is due, and its step; `None` after the last one.
    pub(super) fn due(&self, number: u64) -> Option<(Duration, usize)> {
        let (mut before, mut from) = (0, Duration::ZERO);
        for (step, (rate, requests)) in self.steps.iter().enumerate() {
            if number < before + requests {
                return Some((from + Duration::from_secs(number - before).div_f64(*rate as f64), step));
            }
            before += requests;
            from += Duration::from_secs(*requests).div_f64(*rate as f64);
        }
        None
    }

    pub(super) fn rates(&self) -> impl Iterator<Item = u64> {
        self.steps.iter().map(|(rate, _)| *rate)
    }
}

/// Chooses indices by Zipf's law: index k with a probability proportional to 1 / (k + 1).
#[derive(Debug, Clone)]
pub(super) struct Zipf(Vec<f64>);

impl Zipf {
    pub(super) fn new(count: usize) -> Self {
        let sums = (1..=count).scan(0.0, |sum, rank| {
            *sum += 1.0 / rank as f64;
            Some(*sum)
        });
        Self(sums.collect())
    }

    /// Returns an index below `count`, or 0 if `count` is 0.
    pub(super) fn choose(&self, random: &mut StdRng) -> usize {
        let Some(sum) = self.0.last() else { return 0 };
        let at = random.random_range(0.0..*sum);
        self.0.partition_point(|below| *below <= at).min(self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_schedule_has_the_requested_length_and_rate() {
        let steady = Schedule::new(Scenario::Feed, 100, 10);
        assert_eq!(steady.total(), 1_000);
        assert_eq!(steady.due(150), Some((Duration::from_millis(1_500), 0)));
        assert_eq!(steady.due(1_000), None);
        let spike = Schedule::new(Scenario::Spike, 100, 60);
        assert_eq!(spike.total(), 100 * 10 * (1 + 2 + 3 + 4 + 5 + 1));
        assert_eq!(spike.due(1_000), Some((Duration::from_secs(10), 1)));
        assert_eq!(spike.due(1_000 + 200), Some((Duration::from_secs(11), 1)));
        assert_eq!(spike.rates().max(), Some(500));
    }

    #[test]
    fn the_first_index_is_chosen_most() {
        let (zipf, mut random) = (Zipf::new(100), StdRng::seed_from_u64(1));
        let mut chosen = [0_u32; 100];
        (0..10_000).for_each(|_| chosen[zipf.choose(&mut random)] += 1);
        assert!(chosen[0] > 3 * chosen[4] && chosen[4] > chosen[50] && chosen[0] > 1_500);
        assert_eq!(Zipf::new(0).choose(&mut random), 0);
    }

    #[test]
    fn every_route_of_a_mix_is_chosen() {
        let mut random = StdRng::seed_from_u64(1);
        let chosen: Vec<Route> = (0..2_000).map(|_| Scenario::Write.choose(&mut random)).collect();
        let share = |route| chosen.iter().filter(|other| **other == route).count();
        assert!(share(Route::Publish) > 1_100 && share(Route::Like) > 40 && share(Route::Home) > 300);
        assert_eq!(share(Route::SignUp), 0);
    }
}
