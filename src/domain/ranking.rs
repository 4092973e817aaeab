//! Rankings: the scores of posts, the periods in which they are counted, and the calendar days of the daily top three.
use super::Timestamp;
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use std::{ops::Range, time::Duration};

/// Maximum number of posts for everybody in one ranking, and of other posts.
pub const RANKED_MAX: usize = 1_000;
/// Generations that are kept for paging; a cursor of an older one has expired.
pub const GENERATIONS_KEPT: usize = 30;
/// Least time between two generations of a ranking.
pub const GENERATION_EVERY: Duration = Duration::from_secs(2);
/// Posts that the daily top list shows.
pub const TOP_SHOWN: usize = 3;
/// Posts for everybody of a day that are kept, and other posts: a viewer still sees [`TOP_SHOWN`] of them when many are
/// deleted or hidden.
pub const TOP_KEPT: usize = 50;
/// Time from the end of a day until it is frozen. Everything written before midnight has been counted by then.
pub const FROZEN_AFTER: Duration = Duration::from_secs(5 * 60);
/// Weight of a like relative to a view, in popularity and in the daily score.
pub const LIKE_WEIGHT: u64 = 2;
/// Weight of a comment relative to a view, in the daily score.
pub const COMMENT_WEIGHT: u64 = 3;
/// Milliseconds of an hour. Views are counted by hours since 1970, so every period begins with a whole hour.
pub const HOUR_MS: i64 = 3_600_000;

/// Views, likes and comments of a post in some span of time. Each saturates at 2^32 - 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Views: at most one per member and hour, none of the author.
    pub views: u32,
    /// Likes of active members.
    pub likes: u32,
    /// Comments of active members that are not deleted.
    pub comments: u32,
}

impl Tally {
    /// Returns views plus [`LIKE_WEIGHT`] times likes.
    pub fn popularity(self) -> u64 {
        u64::from(self.views) + LIKE_WEIGHT * u64::from(self.likes)
    }

    /// Returns the score among the posts of a day: popularity plus [`COMMENT_WEIGHT`] times comments.
    pub fn daily_score(self) -> u64 {
        self.popularity() + COMMENT_WEIGHT * u64::from(self.comments)
    }

    /// Returns the score in a ranking. The highest score ranks first, and of equal scores the newer post.
    pub fn score(self, by: RankedBy) -> u64 {
        match by {
            RankedBy::Popularity => self.popularity(),
            RankedBy::Comments => u64::from(self.comments),
        }
    }

    /// Returns whether all counts are zero.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The score that a ranking orders by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankedBy {
    /// `Tally::popularity`.
    Popularity,
    /// The number of comments.
    Comments,
}

impl RankedBy {
    /// Both scores.
    pub const ALL: [Self; 2] = [Self::Popularity, Self::Comments];

    /// Returns the name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Popularity => "most-popular",
            Self::Comments => "most-commented",
        }
    }
}

/// The span of time in which a ranking counts views, likes and comments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RankingPeriod {
    /// The last 24 whole hours and the current one.
    #[default]
    Day,
    /// The last 168 whole hours and the current one.
    Week,
    /// All time.
    All,
}

impl RankingPeriod {
    /// All periods.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::All];

    /// Returns the name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::All => "all",
        }
    }

    /// Returns the period of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    /// Returns the start of the period at `now`: a whole hour, so that the period moves once an hour.
    pub fn since(self, now: Timestamp) -> Timestamp {
        let hours = match self {
            Self::Day => 24,
            Self::Week => 168,
            Self::All => return Timestamp(0),
        };
        Timestamp((now.0.div_euclid(HOUR_MS) - hours) * HOUR_MS)
    }
}

/// A calendar day of a time zone, as a span of time. Most have 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarDay {
    /// The calendar date.
    pub date: Date,
    /// Its first millisecond.
    pub begin: Timestamp,
    /// The first millisecond of the next day.
    pub end: Timestamp,
}

impl CalendarDay {
    /// Returns the day that contains `now`.
    pub fn at(now: Timestamp, zone: &TimeZone) -> Option<Self> {
        let moment = jiff::Timestamp::from_millisecond(now.0).ok()?;
        Self::of(zone.to_datetime(moment).date(), zone)
    }

    /// Returns the day of that date; `None` at the ends of the calendar.
    pub fn of(date: Date, zone: &TimeZone) -> Option<Self> {
        let begin = |date: Date| {
            let moment = date.to_zoned_datetime(zone.clone()).ok()?.start_of_day().ok()?;
            Some(Timestamp(moment.timestamp().as_millisecond()))
        };
        let next = date.checked_add(1.day()).ok()?;
        Some(Self { date, begin: begin(date)?, end: begin(next)? })
    }

    /// Returns the day before.
    pub fn before(self, zone: &TimeZone) -> Option<Self> {
        Self::of(self.date.checked_sub(1.day()).ok()?, zone)
    }

    /// Returns whether the scores of the day are final: [`FROZEN_AFTER`] after its end.
    pub fn is_frozen(self, now: Timestamp) -> bool {
        now >= self.end.after(FROZEN_AFTER)
    }

    /// Returns the hours since 1970 that begin on this day. A view is stored only with its hour. If midnight is not a
    /// whole hour of UTC, the hour that contains it belongs to the day before.
    pub fn hours(self) -> Range<i64> {
        first_hour(self.begin)..first_hour(self.end)
    }
}

/// Returns the first hour since 1970 that begins at or after `at`.
pub fn first_hour(at: Timestamp) -> i64 {
    (at.0 + HOUR_MS - 1).div_euclid(HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn likes_count_twice_and_comments_three_times() {
        let tally = Tally { views: 5, likes: 7, comments: 11 };
        assert_eq!(tally.popularity(), 19);
        assert_eq!(tally.daily_score(), 52);
        assert_eq!((tally.score(RankedBy::Popularity), tally.score(RankedBy::Comments)), (19, 11));
        assert!(Tally::default().is_empty() && !tally.is_empty());
        let most = Tally { views: u32::MAX, likes: u32::MAX, comments: u32::MAX };
        assert_eq!(most.daily_score(), 6 * u64::from(u32::MAX));
    }

    #[test]
    fn periods_begin_with_a_whole_hour_and_move_once_an_hour() {
        let now = moment("2026-11-25T13:59:59.999Z");
        assert_eq!(RankingPeriod::Day.since(now), moment("2026-11-24T13:00:00Z"));
        assert_eq!(RankingPeriod::Week.since(now), moment("2026-11-18T13:00:00Z"));
        assert_eq!(RankingPeriod::Day.since(Timestamp(now.0 + 1)), moment("2026-11-24T14:00:00Z"));
        assert_eq!(RankingPeriod::All.since(now), Timestamp(0));
    }

    #[test]
    fn periods_have_names() {
        for period in RankingPeriod::ALL {
            assert_eq!(RankingPeriod::named(period.name()), Some(period));
        }
        assert_eq!(RankingPeriod::default(), RankingPeriod::Day);
        assert!(["", "CalendarDay", "month", "day "].iter().all(|name| RankingPeriod::named(name).is_none()));
    }

    #[test]
    fn one_moment_is_on_different_days_in_different_time_zones() {
        let now = moment("2026-11-25T10:30:00Z");
        let date = |name: &str| CalendarDay::at(now, &zone(name)).unwrap().date.to_string();
        assert_eq!(date("Asia/Seoul"), "2026-11-25");
        assert_eq!(date("Pacific/Kiritimati"), "2026-11-26");
        assert_eq!(date("Pacific/Pago_Pago"), "2026-11-24");
    }

    #[test]
    fn a_day_lasts_from_midnight_to_midnight_of_its_time_zone() {
        let seoul = zone("Asia/Seoul");
        let day = CalendarDay::at(moment("2026-11-25T15:00:00Z"), &seoul).unwrap();
        assert_eq!(day.date.to_string(), "2026-11-26");
        assert_eq!((day.begin, day.end), (moment("2026-11-25T15:00:00Z"), moment("2026-11-26T15:00:00Z")));
        assert_eq!(day.before(&seoul).unwrap().end, day.begin);
        let hours = day.hours();
        assert_eq!((hours.start * HOUR_MS, hours.end - hours.start), (day.begin.0, 24));
    }

    #[test]
    fn days_on_which_clocks_change_are_shorter_or_longer() {
        let hours = |name: &str, date: &str| {
            let day = CalendarDay::of(date.parse().unwrap(), &zone(name)).unwrap();
            (day.end.0 - day.begin.0) / HOUR_MS
        };
        assert_eq!(hours("Europe/Berlin", "2026-03-29"), 23);
        assert_eq!(hours("Europe/Berlin", "2026-10-25"), 25);
        // There is no midnight on this day: it begins at one.
        assert_eq!(hours("America/Sao_Paulo", "2018-11-04"), 23);
        assert_eq!(hours("Asia/Seoul", "2026-03-29"), 24);
    }

    #[test]
    fn the_hour_that_contains_midnight_belongs_to_the_day_before() {
        let kolkata = zone("Asia/Kolkata");
        let day = CalendarDay::of("2026-11-25".parse().unwrap(), &kolkata).unwrap();
        let hours = day.hours();
        assert_eq!(hours.start * HOUR_MS - day.begin.0, HOUR_MS / 2);
        assert_eq!((hours.end - hours.start, day.before(&kolkata).unwrap().hours().end), (24, hours.start));
    }

    #[test]
    fn a_day_is_frozen_five_minutes_after_its_end() {
        let day = CalendarDay::of("2026-11-25".parse().unwrap(), &zone("Asia/Seoul")).unwrap();
        assert!(!day.is_frozen(day.begin) && !day.is_frozen(day.end));
        assert!(!day.is_frozen(Timestamp(day.end.0 + 299_999)) && day.is_frozen(Timestamp(day.end.0 + 300_000)));
    }

    #[test]
    fn the_ends_of_the_calendar_have_no_day() {
        let seoul = zone("Asia/Seoul");
        assert!(CalendarDay::of(Date::MAX, &seoul).is_none());
        assert!(CalendarDay::of(Date::MIN, &seoul).is_none_or(|day| day.before(&seoul).is_none()));
    }
}
