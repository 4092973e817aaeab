//! What each metric says, for whoever reads `/metrics` without this source. Described here, since a metric is often
//! counted in more than one place.
use metrics::{KeyName, SharedString, Unit};

type Described = (&'static str, Unit, &'static str);

const COUNTERS: &[Described] = &[
    ("dailyfeed_actor_restarts_total", Unit::Count, "Restarts of actors, by domain."),
    (
        "dailyfeed_connections_evicted_total",
        Unit::Count,
        "Idle connections that were closed because others had no place.",
    ),
    ("dailyfeed_connections_refused_total", Unit::Count, "Connections that were refused for want of a place."),
    ("dailyfeed_http_requests_total", Unit::Count, "Requests answered, by method, route and status."),
    ("dailyfeed_images_total", Unit::Count, "Images sent, by what became of them."),
    ("dailyfeed_key_rotations_total", Unit::Count, "Changes of the key that signs access tokens."),
    ("dailyfeed_lane_refusals_total", Unit::Count, "Expensive requests that found no place, by kind."),
    ("dailyfeed_runtime_parks_total", Unit::Count, "Times that the runtime's threads fell asleep."),
    (
        "dailyfeed_stale_reads_total",
        Unit::Count,
        "Reads that were answered without the caller's last write, after a wait.",
    ),
    ("dailyfeed_stream_events_total", Unit::Count, "Events sent on live streams."),
    ("dailyfeed_views_dropped_total", Unit::Count, "Views of posts that were not counted, for want of room."),
];

const GAUGES: &[Described] = &[
    ("dailyfeed_activity_lag_events", Unit::Count, "Events committed and not yet in activities and notifications."),
    ("dailyfeed_dead_letters", Unit::Count, "Events that could not be applied and wait to be tried again."),
    ("dailyfeed_mailbox_messages", Unit::Count, "Messages that wait for an actor or are being handled, by domain."),
    ("dailyfeed_mailbox_oldest_seconds", Unit::Seconds, "Age of the oldest of them, by domain."),
    ("dailyfeed_part_up", Unit::Count, "1 where a part of the server works, 0 where it is being tried again."),
    ("dailyfeed_projection_lag_events", Unit::Count, "Events committed and not yet in feeds."),
    ("dailyfeed_ranking_posts", Unit::Count, "Posts that rankings hold in memory."),
    ("dailyfeed_runtime_answer_seconds", Unit::Seconds, "Time that the runtime took to run the watchdog's last task."),
    ("dailyfeed_runtime_busy_seconds", Unit::Seconds, "Time that the runtime's threads were awake, all together."),
    ("dailyfeed_runtime_queued_tasks", Unit::Count, "Tasks that no thread has taken yet."),
    ("dailyfeed_runtime_tasks", Unit::Count, "Tasks that are alive."),
    ("dailyfeed_runtime_workers", Unit::Count, "Threads of the runtime."),
    ("dailyfeed_search_documents", Unit::Count, "Documents that can be found."),
    ("dailyfeed_search_lag_events", Unit::Count, "Events committed and not yet in the search index."),
    ("dailyfeed_stream_watchers", Unit::Count, "Live streams of posts that are registered."),
    ("dailyfeed_streams_open", Unit::Count, "Live streams of any kind that are open."),
    ("dailyfeed_window_posts", Unit::Count, "Posts in the window of recent posts in memory."),
];

const HISTOGRAMS: &[Described] = &[
    ("dailyfeed_commit_commands", Unit::Count, "Commands that shared a commit."),
    ("dailyfeed_commit_duration_seconds", Unit::Seconds, "Time of a commit with its sync to the disk."),
    ("dailyfeed_http_request_duration_seconds", Unit::Seconds, "Time to an answer, by method, route and status."),
    ("dailyfeed_image_duration_seconds", Unit::Seconds, "Time to decode, scale and encode an image."),
    ("dailyfeed_ranking_generation_duration_seconds", Unit::Seconds, "Time to rank all posts, by kind and window."),
    ("dailyfeed_search_commit_duration_seconds", Unit::Seconds, "Time of a commit of the search index."),
    ("dailyfeed_search_duration_seconds", Unit::Seconds, "Time of a search."),
];

/// Tells the recorder, which shows it as `# HELP`. To be called once the recorder gathers.
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
