//! The private code of the ranking that the benchmarks in `benches/` use.
use super::tables::{Spans, Tables};
use crate::{
    domain::{PostId, RankedBy, RankingPeriod, Tally, Timestamp},
    storage::PostTallies,
};
use jiff::tz::TimeZone;

/// Ranking tables filled with generated tallies.
pub struct Ranks(Tables);

impl Ranks {
    /// Returns tables of `posts` posts with scattered tallies, the same on each call; `None` at the ends of the
    /// calendar.
    pub fn new(posts: u32) -> Option<Self> {
        let mut tables = Tables::new(Spans::at(Timestamp::now(), &TimeZone::UTC)?);
        for number in 1..=posts {
            let views = number.wrapping_mul(2_654_435_761) >> 18;
            let all = Tally { views, likes: views / 8, comments: views / 16 };
            tables.push(&PostTallies {
                post: PostId(u64::from(number)),
                for_everybody: number % 4 > 0,
                all,
                week: all,
                day: all,
                today: all,
            });
        }
        Some(Self(tables))
    }

    /// Builds one generation, and returns how many posts it ranks.
    pub fn generation(&self) -> usize {
        self.0.ranked(RankedBy::Popularity, RankingPeriod::All, &[]).posts.len()
    }
}
