//! Help texts of the metrics, which `/metrics` shows as `# HELP`. They are all here, because many
//! metrics are recorded in more than one place.
use metrics::{KeyName, SharedString, Unit};

type Described = (&'static str, Unit, &'static str);

const COUNTERS: &[Described] = &[
    ("dailyfeed_actor_restarts_total", Unit::Count, "Actor restarts, by domain."),
    (
        "dailyfeed_commit_reruns_total",
        Unit::Count,
        "Commits that failed as a whole and whose commands were run again one by one.",
    ),
    ("dailyfeed_connections_evicted_total", Unit::Count, "Idle connections closed to make room for new ones."),
    (
        "dailyfeed_connections_refused_total",
        Unit::Count,
        "Connections refused because their address had reached its limit.",
    ),
    ("dailyfeed_housekeeping_failures_total", Unit::Count, "Jobs of housekeeping that failed, by job."),
    ("dailyfeed_http_requests_total", Unit::Count, "Requests answered, by method, route and status."),
    ("dailyfeed_images_total", Unit::Count, "Uploaded images, by outcome."),
    ("dailyfeed_key_rotations_total", Unit::Count, "Rotations of the key that signs access tokens."),
    ("dailyfeed_lane_refusals_total", Unit::Count, "Expensive requests refused by a full lane, by lane and outcome."),
    (
        "dailyfeed_rounds_skipped_total",
        Unit::Count,
        "Rounds of periodic work skipped because another process has its lease, or nobody could tell, by work.",
    ),
    ("dailyfeed_runtime_parks_total", Unit::Count, "Times that a thread of the runtime parked."),
    (
        "dailyfeed_stale_reads_total",
        Unit::Count,
        "Reads answered without the caller's last write because the wait for it timed out.",
    ),
    ("dailyfeed_stream_events_total", Unit::Count, "Events sent on live streams."),
    (
        "dailyfeed_views_dropped_total",
        Unit::Count,
        "Post views dropped because they could not be stored or the buffer was full.",
    ),
    ("dailyfeed_writer_panics_total", Unit::Count, "Panics of commands in the writer of the database."),
];

const GAUGES: &[Described] = &[
    ("dailyfeed_activity_lag_events", Unit::Count, "Committed events not yet in activities and notifications."),
    ("dailyfeed_dead_letters", Unit::Count, "Dead letters: events that could not be applied and wait for a retry."),
    ("dailyfeed_departures_open", Unit::Count, "Departures and acceptances whose steps are not all taken."),
    ("dailyfeed_mailbox_messages", Unit::Count, "Messages in mailboxes, waiting or being handled, by domain."),
    ("dailyfeed_mailbox_oldest_seconds", Unit::Seconds, "Age of the oldest message in a mailbox, by domain."),
    ("dailyfeed_part_up", Unit::Count, "1 if the part is up, 0 if it is down and being retried."),
    ("dailyfeed_projection_lag_events", Unit::Count, "Committed events not yet in feeds."),
    ("dailyfeed_ranking_posts", Unit::Count, "Posts in the rankings in memory."),
    ("dailyfeed_runtime_answer_seconds", Unit::Seconds, "Time the runtime took to run the last task of the watchdog."),
    ("dailyfeed_runtime_busy_seconds", Unit::Seconds, "Time that all threads of the runtime together were busy."),
    ("dailyfeed_runtime_queued_tasks", Unit::Count, "Tasks waiting in the global queue of the runtime."),
    ("dailyfeed_runtime_tasks", Unit::Count, "Tasks alive in the runtime."),
    ("dailyfeed_runtime_workers", Unit::Count, "Worker threads of the runtime."),
    ("dailyfeed_search_documents", Unit::Count, "Documents in the live search index."),
    ("dailyfeed_search_lag_events", Unit::Count, "Committed events not yet in the search index."),
    ("dailyfeed_stream_watchers", Unit::Count, "Timeline streams registered for live events."),
    ("dailyfeed_streams_open", Unit::Count, "Open live streams of any kind."),
    ("dailyfeed_window_posts", Unit::Count, "Posts in the window of the newest posts in memory."),
];

const HISTOGRAMS: &[Described] = &[
    ("dailyfeed_commit_commands", Unit::Count, "Commands per commit."),
    ("dailyfeed_commit_duration_seconds", Unit::Seconds, "Time of a commit, including its sync to disk."),
    ("dailyfeed_departure_step_rows", Unit::Count, "Rows that one step of a departure or acceptance read."),
    (
        "dailyfeed_http_request_duration_seconds",
        Unit::Seconds,
        "Time to answer a request, by method, route and status.",
    ),
    ("dailyfeed_image_duration_seconds", Unit::Seconds, "Time to decode, scale and encode an image."),
    ("dailyfeed_ranking_generation_duration_seconds", Unit::Seconds, "Time to rank all posts, by kind and window."),
    ("dailyfeed_search_commit_duration_seconds", Unit::Seconds, "Time of a commit of the search index."),
    ("dailyfeed_search_duration_seconds", Unit::Seconds, "Time of a search."),
];

/// Registers the help texts with the recorder, which must be installed before.
pub(super) fn describe() {
    let text = |(name, unit, help): &Described| (KeyName::from(*name), Some(*unit), SharedString::from(*help));
    metrics::with_recorder(|recorder| {
        for (name, unit, help) in COUNTERS.iter().map(text) {
            recorder.describe_counter(name, unit, help);
        }
        for (name, unit, help) in GAUGES.iter().map(text) {
            recorder.describe_gauge(name, unit, help);
        }
        for (name, unit, help) in HISTOGRAMS.iter().map(text) {
            recorder.describe_histogram(name, unit, help);
        }
    });
    metrics_process::Collector::default().describe();
}
