//! Every key of the configuration with its default, its unit and its cost.
use serde::{Deserialize, Serialize};

/// The whole configuration. An unset optional key is empty.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the struct of each concern has the documentation")]
pub struct Config {
    /// `embedded`. The `cluster` profile is not part of this version.
    pub profile: String,
    /// Folder of the database; created at the first start.
    pub data_dir: String,
    /// Roles of this process: `write`, `read`, `activity`, `search`, `image`. This version requires all of them.
    pub roles: Vec<String>,
    pub http: Http,
    pub admin: Admin,
    pub node: Node,
    pub limits: Limits,
    pub ranking: Ranking,
    pub log: Log,
    pub storage: Storage,
    pub events: Events,
    pub timeline: Timeline,
    pub stream: Stream,
    pub search: Search,
    pub authentication: Authentication,
    pub actors: Actors,
    pub images: Images,
}

macro_rules! concern {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }
    };
}

concern! {
    /// The public listener.
    Http {
        /// Port 0 selects a free port, which the lines at the start print.
        listen: String = "127.0.0.1:8080".to_owned(),
        /// The origin that clients see, such as `https://feed.example`. Empty: links are relative.
        public_url: String = String::new(),
        /// Networks (CIDR) of proxies whose `X-Forwarded-For` is trusted. Empty: none.
        trusted_proxies: Vec<String> = Vec::new(),
        /// `auto`, `true` or `false`: whether the refresh cookie may be sent over plain HTTP. `auto` allows it if
        /// `listen` is a loopback address. An https `public_url` always forbids it.
        insecure_cookies: String = "auto".to_owned(),
        /// Origins whose pages may call the API (CORS), or `*` for all. Empty: the server's own origin.
        cors_origins: Vec<String> = Vec::new(),
        /// Maximum bytes of a JSON body on any route; a larger one is answered 413. Each route has a lower limit of its
        /// own that follows from the lengths of its texts: 983,296 for a post, whose 5,000 characters may have 16 code
        /// points each. A value below those limits refuses texts that the product allows.
        body_max_bytes: usize = 1_048_576,
        /// Milliseconds to receive the header of a request; then the connection is closed.
        header_read_timeout_ms: u64 = 5_000,
        /// Milliseconds to answer a request; then 503. Does not apply to streams.
        request_timeout_ms: u64 = 10_000,
        /// Maximum open connections; fewer if the limit of open files leaves fewer beside those of the stores. At the
        /// maximum a new connection replaces an idle one, or waits in the kernel's queue if none is idle. About 10 KiB
        /// each.
        connections_max: usize = 20_000,
        /// Maximum open connections of one IPv4 address or one IPv6 /64. Another one replaces an idle connection of the
        /// same address, or is closed at once. Trusted proxies have no such limit. 0: three quarters of
        /// `connections_max`.
        connections_per_address_max: usize = 0,
        /// Milliseconds that a connection may be idle, without a request in progress or an open stream. The default is
        /// longer than the 60 s of most proxies, so that they close first. While others wait, one idle second is enough
        /// to close it.
        idle_timeout_ms: u64 = 75_000,
        /// Milliseconds that requests and streams have to finish when the process shuts down. 0: they are closed at
        /// once.
        shutdown_grace_ms: u64 = 4_000,
    }
}

concern! {
    /// The admin listener: metrics, health, actors. It must not be reachable from outside.
    Admin {
        /// Port 0 selects a free port.
        listen: String = "127.0.0.1:9090".to_owned(),
        /// Further accepted `Host` values (names or addresses, without a port). Loopback, `localhost` and the local
        /// address of the connection are always accepted. Any other is answered 421, as it may be an attacker's name
        /// (DNS rebinding).
        allowed_hosts: Vec<String> = Vec::new(),
    }
}

concern! {
    /// The identity of this process among its replicas.
    Node {
        /// Stable name of the replica. Empty: the host name.
        name: String = String::new(),
    }
}

concern! {
    /// Inbound limits. A request above a limit is answered 429 with `Retry-After`.
    Limits {
        /// `false` for load tests and behind a gateway that limits requests itself.
        enabled: bool = true,
        /// Requests per second of one member.
        member_per_second: u32 = 100,
        /// Largest burst of requests of one member.
        member_burst: u32 = 200,
        /// Requests per second of one address without a token.
        address_per_second: u32 = 50,
        /// Images per second that one address fetches, and its largest burst. A page of a feed may show a hundred.
        image_per_second: u32 = 500,
        /// Logins per minute of one address.
        login_per_minute: u32 = 5,
        /// Sign-ups per hour of one address.
        signup_per_hour: u32 = 10,
        /// Wrong passwords for one account from one address before that pair is locked. 0: never.
        login_failures_max: u32 = 5,
        /// Seconds that such a pair stays locked, and that failures are remembered.
        login_lock_seconds: u64 = 900,
    }
}

concern! {
    /// Rankings.
    Ranking {
        /// IANA time zone whose midnight ends a day.
        day_zone: String = "Asia/Seoul".to_owned(),
    }
}

concern! {
    /// The log.
    Log {
        /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,dailyfeed::http=debug`.
        level: String = "info".to_owned(),
        /// `auto` (text on a terminal, else JSON), `text` or `json`.
        format: String = "auto".to_owned(),
    }
}

concern! {
    /// SQLite.
    Storage {
        /// `full`: an acknowledged write survives a power loss; each commit costs a sync to disk. `normal`: it survives
        /// a crash of the process, but a power loss may lose the last commits.
        synchronous: String = "full".to_owned(),
        /// Read connections beside the writer. Each takes about 2 MiB and up to 16 MiB of page cache.
        read_connections: u32 = 4,
        /// Maximum commands in one commit. More means fewer syncs and a longer wait for the first command.
        commit_batch_max: usize = 512,
    }
}

concern! {
    /// The event log.
    Events {
        /// Hours that events are kept. A stream can resume within that time.
        retention_hours: u32 = 168,
    }
}

concern! {
    /// Memory of the feeds.
    Timeline {
        /// Bytes of the window of the newest posts, 56 per post. Older pages come from the database.
        window_bytes_max: usize = 67_108_864,
        /// Days that the window reaches back.
        window_days: u32 = 30,
        /// Bytes of cached posts, authors, follows and likes.
        cache_bytes_max: usize = 67_108_864,
    }
}

concern! {
    /// Live streams.
    Stream {
        /// Seconds between two heartbeats.
        heartbeat_seconds: u64 = 15,
        /// Maximum events that wait for a slow client. One more ends the stream; the client resumes from its last id.
        buffer_max: usize = 256,
        /// Maximum open streams of one member; one more is answered 429.
        per_member_max: usize = 20,
        /// Maximum events that a resumed stream replays. Beyond that the client gets a `reset` and reads the feed
        /// again.
        replay_max: usize = 10_000,
    }
}

concern! {
    /// Search.
    Search {
        /// Bytes of the index writer's buffer; an index that is being built has one of its own. More builds faster.
        memory_bytes: usize = 50_000_000,
        /// Milliseconds from a change to the commit that makes it searchable. Less means more commits of 10 to 50 ms
        /// each.
        commit_interval_ms: u64 = 250,
        /// Changes that trigger a commit before the interval has passed.
        commit_changes_max: usize = 10_000,
    }
}

concern! {
    /// Tokens and passwords.
    Authentication {
        /// Seconds that an access token is valid.
        access_token_seconds: u64 = 3_600,
        /// Hours after which the signing key is replaced.
        key_rotation_hours: u32 = 24,
        /// Seconds in which a used refresh token returns the same successor again.
        refresh_grace_seconds: u64 = 30,
        /// Days that an unused session lasts.
        session_days: u32 = 30,
        /// Concurrent password hashes; each takes 19 MiB and a core.
        hash_threads: usize = 2,
    }
}

concern! {
    /// Actors.
    Actors {
        /// Maximum messages in the mailbox of one actor; one more is answered 503 at once.
        queue_max: usize = 1_024,
        /// Milliseconds to wait for the answer of an actor; then 503.
        answer_timeout_ms: u64 = 2_000,
    }
}

concern! {
    /// Images. All decoders together decode at most 40 megapixels at once, 12 bytes each, and an upload in progress
    /// takes at most 26 MiB: about 750 MB with the defaults in the worst case.
    Images {
        /// Location of image files: `file:` and the path of a folder. Empty: the folder `images` in `data_dir`.
        url: String = String::new(),
        /// Images decoded at the same time; each takes a core.
        decoders: usize = 2,
        /// Further uploads that may be in progress; one more is answered 503 at once.
        waiting_max: usize = 8,
        /// Minimum bytes per second of an upload, on average of five seconds; a slower one is answered 408. 0: no
        /// minimum.
        upload_bytes_per_second_min: u64 = 4_096,
        /// Milliseconds for an upload from its first byte to the answer; then 503. Half of them are for its body; then
        /// 408.
        upload_timeout_ms: u64 = 120_000,
    }
}

impl Images {
    /// Returns the folder that `url` names, or `None` if it is empty.
    pub fn folder(&self) -> Option<&str> {
        self.url
            .strip_prefix("file:")
            .map(|path| path.strip_prefix("//").unwrap_or(path))
            .filter(|path| !path.is_empty())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            profile: "embedded".to_owned(),
            data_dir: "./data".to_owned(),
            roles: ["write", "read", "activity", "search", "image"].map(str::to_owned).into(),
            http: Http::default(),
            admin: Admin::default(),
            node: Node::default(),
            limits: Limits::default(),
            ranking: Ranking::default(),
            log: Log::default(),
            storage: Storage::default(),
            events: Events::default(),
            timeline: Timeline::default(),
            stream: Stream::default(),
            search: Search::default(),
            authentication: Authentication::default(),
            actors: Actors::default(),
            images: Images::default(),
        }
    }
}
