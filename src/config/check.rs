//! Checks that types cannot make: ranges, names, addresses, and values that contradict each other.
use super::{Config, error::Fault};
use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
};
use tracing_subscriber::EnvFilter;
use url::Url;

/// Key, minimum and maximum of every number. A value above the maximum is more likely a typing error than intended.
/// Every maximum is small enough that no sum of times overflows.
const RANGES: &[(&str, i64, i64)] = &[
    ("actors.answer_timeout_ms", 1, 60_000),
    ("actors.queue_max", 1, 1_000_000),
    ("authentication.access_token_seconds", 1, 604_800),
    ("authentication.hash_threads", 1, 256),
    ("authentication.key_rotation_hours", 1, 8_760),
    ("authentication.refresh_grace_seconds", 0, 3_600),
    ("authentication.session_days", 1, 3_650),
    ("events.retention_hours", 1, 87_600),
    ("http.body_max_bytes", 1, 67_108_864),
    ("http.connections_max", 1, 1_000_000),
    ("http.connections_per_address_max", 0, 1_000_000),
    ("http.header_read_timeout_ms", 1, 600_000),
    ("http.idle_timeout_ms", 1, 86_400_000),
    ("http.request_timeout_ms", 1, 600_000),
    ("http.shutdown_grace_ms", 0, 600_000),
    ("images.decoders", 1, 256),
    ("images.upload_bytes_per_second_min", 0, 104_857_600),
    ("images.upload_timeout_ms", 1, 3_600_000),
    ("images.waiting_max", 0, 1_024),
    ("limits.address_per_second", 1, 1_000_000),
    ("limits.image_per_second", 1, 1_000_000),
    ("limits.login_failures_max", 0, 1_000_000),
    ("limits.login_lock_seconds", 0, 2_592_000),
    ("limits.login_per_minute", 1, 1_000_000),
    ("limits.member_burst", 1, 1_000_000),
    ("limits.member_per_second", 1, 1_000_000),
    ("limits.signup_per_hour", 1, 1_000_000),
    ("search.commit_changes_max", 1, 1_000_000),
    ("search.commit_interval_ms", 1, 60_000),
    ("search.memory_bytes", 15_000_000, 4_000_000_000),
    ("storage.commit_batch_max", 1, 65_536),
    ("storage.read_connections", 1, 256),
    ("stream.buffer_max", 1, 65_536),
    ("stream.heartbeat_seconds", 1, 3_600),
    ("stream.per_member_max", 1, 100_000),
    ("stream.replay_max", 0, 1_000_000),
    ("timeline.cache_bytes_max", 1, 1 << 40),
    ("timeline.window_bytes_max", 1, 1 << 40),
    ("timeline.window_days", 1, 3_650),
];
/// The known roles of a process.
const ROLES: &[&str] = &["write", "read", "activity", "search", "image"];
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
const SECONDS_PER_DAY: u64 = 86_400;

/// Checks every number against its range. A key without a range in [`RANGES`] is refused, so that none is forgotten.
pub(super) fn numbers<'a>(mut all: impl Iterator<Item = (&'a str, i64)>) -> Result<(), Fault> {
    all.try_for_each(|(key, value)| match RANGES.iter().find(|(name, ..)| *name == key) {
        Some((_, least, most)) if (least..=most).contains(&&value) => Ok(()),
        Some((_, least, most)) => Err(Fault::new(key, format!("an integer from {least} to {most}"))),
        None => Err(Fault::new(key, "a key with a range: the program defines none for this one")),
    })
}

/// Checks everything but the ranges of numbers: first each key, then pairs of keys.
pub(super) fn rules(config: &Config) -> Result<(), Fault> {
    if config.profile == "cluster" {
        return Err(Fault::new("profile", "embedded: this build has no cluster profile"));
    }
    one_of("profile", &config.profile, &["embedded"])?;
    must("data_dir", !config.data_dir.is_empty(), "the path of a folder")?;
    one_of("storage.synchronous", &config.storage.synchronous, &["full", "normal"])?;
    one_of("log.format", &config.log.format, &["auto", "text", "json"])?;
    one_of("http.insecure_cookies", &config.http.insecure_cookies, &["auto", "true", "false"])?;
    must("log.level", is_filter(&config.log.level), "a level, or directives such as info,dailyfeed::http=debug")?;
    let zone = jiff::tz::TimeZone::get(&config.ranking.day_zone);
    must("ranking.day_zone", zone.is_ok(), "an IANA time zone such as Asia/Seoul")?;
    roles(&config.roles)?;
    http(config)?;
    let folder = config.images.url.is_empty() || config.images.folder().is_some();
    must("images.url", folder, "file: followed by the path of a folder, or an empty string")?;
    let session_seconds = u64::from(config.authentication.session_days) * SECONDS_PER_DAY;
    let within_session = config.authentication.access_token_seconds <= session_seconds;
    must("authentication.access_token_seconds", within_session, "no more than authentication.session_days")
}

fn http(config: &Config) -> Result<(), Fault> {
    let address = |key: &str, text: &str| {
        let parsed = text.parse::<SocketAddr>();
        parsed.map_err(|_| Fault::new(key, "an address with a port, such as 127.0.0.1:8080"))
    };
    let public = address("http.listen", &config.http.listen)?;
    let admin = address("admin.listen", &config.admin.listen)?;
    must("admin.listen", public != admin || public.port() == 0, "an address other than http.listen")?;
    let hosts = config.admin.allowed_hosts.iter().all(|host| is_host(host));
    must("admin.allowed_hosts", hosts, "names or addresses without a port, such as admin.example")?;
    let url = &config.http.public_url;
    must("http.public_url", url.is_empty() || is_web_origin(url), "an origin such as https://feed.example")?;
    let networks = config.http.trusted_proxies.iter().all(|network| network.parse::<ipnet::IpNet>().is_ok());
    must("http.trusted_proxies", networks, "networks such as 10.0.0.0/8")?;
    let any = config.http.cors_origins == ["*"];
    let origins = any || config.http.cors_origins.iter().all(|origin| is_origin(origin));
    must("http.cors_origins", origins, "origins such as https://feed.example, or only *")
}

fn roles(roles: &[String]) -> Result<(), Fault> {
    let known = roles.iter().all(|role| ROLES.contains(&role.as_str()));
    must("roles", known, &format!("some of {}", ROLES.join(", ")))?;
    let distinct: HashSet<_> = roles.iter().collect();
    must("roles", distinct.len() == roles.len(), "each role once")?;
    must("roles", distinct.len() == ROLES.len(), &format!("{}: the embedded profile serves all", ROLES.join(", ")))
}

/// Returns whether the text is a level, or directives of a target and a level. `EnvFilter` takes a bare word that is
/// not a level as a target, so that a mistyped level would silence all other targets.
fn is_filter(text: &str) -> bool {
    let directive = |text: &str| text.contains(['=', '[']) || LEVELS.contains(&text.to_lowercase().as_str());
    text.split(',').all(|part| directive(part.trim())) && EnvFilter::try_new(text).is_ok()
}

/// Returns whether the text is a scheme, host and port spelled as browsers do. Any other spelling would match no
/// request.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| match url.origin() {
        origin @ url::Origin::Tuple(..) => origin.ascii_serialization() == text,
        // Native applications use schemes of their own, such as `capacitor://localhost`.
        url::Origin::Opaque(_) => url.has_host() && text.ends_with(url.authority()) && !url.authority().contains('@'),
    })
}

/// Returns whether the text is a name or an address as the `Host` header has it before the port.
fn is_host(text: &str) -> bool {
    let bare = text.trim_matches(['[', ']']);
    bare.parse::<IpAddr>().is_ok() || url::Host::parse(text).is_ok_and(|host| host.to_string() == text.to_lowercase())
}

fn is_web_origin(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme)) && is_origin(text)
}

fn one_of(key: &str, value: &str, known: &[&str]) -> Result<(), Fault> {
    must(key, known.contains(&value), &format!("one of {}", known.join(", ")))
}

fn must(key: &str, holds: bool, expected: &str) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::new(key, expected)) }
}
