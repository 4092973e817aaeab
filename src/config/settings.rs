//! Every key with its default, its unit, and what it costs.
use serde::{Deserialize, Serialize};

/// The whole configuration. Unset optional keys are empty.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each concern is documented at its struct")]
pub struct Config {
    /// `embedded`. The `cluster` profile is not part of this version.
    pub profile: String,
    /// Folder of the database; made at first start.
    pub data_dir: String,
    /// What this process serves: `write`, `read`, `activity`, `search`, `image`. Only the whole is served so far.
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
        /// Port 0 takes a free one; the start-up lines name it.
        listen: String = "127.0.0.1:8080".to_owned(),
        /// The origin that clients see, such as `https://feed.example`. Empty: relative links alone.
        public_url: String = String::new(),
        /// Networks (CIDR) whose `X-Forwarded-For` is believed. Empty: nobody's.
        trusted_proxies: Vec<String> = Vec::new(),
        /// `auto`, `true` or `false`: whether the refresh cookie goes over plain HTTP. `auto` is `true` on loopback; where
        /// `public_url` is https it never does.
        insecure_cookies: String = "auto".to_owned(),
        /// Origins that browsers may call from. Empty: the server's own.
        cors_origins: Vec<String> = Vec::new(),
        /// Bytes of any JSON body, whatever its route would take; a larger one is answered 413. What routes take follows
        /// from the lengths of texts and is less: 983,296 for a post, whose 5,000 characters may have 16 code points
        /// each. A smaller number here refuses texts that the product allows.
        body_max_bytes: usize = 1_048_576,
        /// Milliseconds for a request's header; a slower client is cut off.
        header_read_timeout_ms: u64 = 5_000,
        /// Milliseconds for a request, streams excepted; then 503.
        request_timeout_ms: u64 = 10_000,
        /// Open connections, and never more than the limit of open files leaves beside what stores need. With so many open,
        /// idle ones are closed for new ones; where none is idle, those wait in the kernel's queue. About 10 KiB each.
        connections_max: usize = 20_000,
        /// Open connections of one address, or of one IPv6 /64; a further one takes the place of an idle one of theirs, or is
        /// closed at once. Trusted proxies have as many as they like. 0: three quarters of `connections_max`.
        connections_per_address_max: usize = 0,
        /// Milliseconds that a connection may be idle: no request being answered, no stream open. Longer than proxies
        /// wait (60 s), so that they close first. Where others wait for a place, a second is enough.
        idle_timeout_ms: u64 = 75_000,
        /// Milliseconds that requests and streams get to end when the process ends. 0: they are cut off at once.
        shutdown_grace_ms: u64 = 4_000,
    }
}

concern! {
    /// The operating listener: metrics, health, actors. Never to be reached from outside.
    Admin {
        /// Port 0 takes a free one.
        listen: String = "127.0.0.1:9090".to_owned(),
        /// Hosts that it answers to (names or addresses, no ports) beside loopback, `localhost` and the address that a
        /// connection came in on. Any other is answered 421: it may be a stranger's name that leads here.
        allowed_hosts: Vec<String> = Vec::new(),
    }
}

concern! {
    /// This process among its replicas.
    Node {
        /// Stable per replica. Empty: the host name.
        name: String = String::new(),
    }
}

concern! {
    /// Inbound limits. Each is answered 429 with `Retry-After`.
    Limits {
        /// Off for load tests and behind a gateway that limits.
        enabled: bool = true,
        /// Requests a second of one member.
        member_per_second: u32 = 100,
        /// Requests of one member at once.
        member_burst: u32 = 200,
        /// Requests a second of one address without a token.
        address_per_second: u32 = 50,
        /// Images a second that one address fetches, and at once: a page of a feed has a hundred.
        image_per_second: u32 = 500,
        /// Logins a minute of one address.
        login_per_minute: u32 = 5,
        /// Sign-ups an hour of one address.
        signup_per_hour: u32 = 10,
        /// Wrong passwords for one account from one address before that pair is locked. 0: it never is.
        login_failures_max: u32 = 5,
        /// Seconds that the pair is locked, and that failures are remembered.
        login_lock_seconds: u64 = 900,
    }
}

concern! {
    /// Rankings.
    Ranking {
        /// Whose midnight ends a day: an IANA name.
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
        /// `full`: an acknowledged write survives power loss, for a sync to the disk per commit. `normal`: it survives
        /// the death of the process, but the last commits before a power loss may be gone.
        synchronous: String = "full".to_owned(),
        /// Connections that read beside the writer, about 2 MiB each and up to 16 MiB of page cache.
        read_connections: u32 = 4,
        /// Commands that share a commit. More means fewer syncs and a longer wait for the first of them.
        commit_batch_max: usize = 512,
    }
}

concern! {
    /// The event log.
    Events {
        /// Hours that events are kept, and so how far back a stream can resume.
        retention_hours: u32 = 168,
    }
}

concern! {
    /// The timeline's memory.
    Timeline {
        /// Bytes of the window of recent posts, 56 a post. Older pages come from the database.
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
        /// Events that wait for a slow client; one more ends the stream, which resumes from its last id.
        buffer_max: usize = 256,
        /// Open streams of one member; one more is answered 429.
        per_member_max: usize = 20,
        /// Events that a resuming stream replays; further back it is told to read the feed again.
        replay_max: usize = 10_000,
    }
}

concern! {
    /// Search.
    Search {
        /// Bytes of the writer's buffer, of the index being built another. More makes building faster.
        memory_bytes: usize = 50_000_000,
        /// Milliseconds from a change to the commit that makes it findable. Less means more commits, 10 to 50 ms each.
        commit_interval_ms: u64 = 250,
        /// Changes that are committed without waiting so long.
        commit_changes_max: usize = 10_000,
    }
}

concern! {
    /// Tokens and passwords.
    Authentication {
        /// Seconds that an access token is good for.
        access_token_seconds: u64 = 3_600,
        /// Hours after which the signing key is replaced.
        key_rotation_hours: u32 = 24,
        /// Seconds in which a traded refresh token gets the same successor again.
        refresh_grace_seconds: u64 = 30,
        /// Days that a session lasts without being used.
        session_days: u32 = 30,
        /// Password hashes at once: 19 MiB and a core each.
        hash_threads: usize = 2,
    }
}

concern! {
    /// Actors.
    Actors {
        /// Messages that wait for one actor; one more is answered 503 at once.
        queue_max: usize = 1_024,
        /// Milliseconds that anyone waits for an actor's answer; then 503.
        answer_timeout_ms: u64 = 2_000,
    }
}

concern! {
    /// Images. At most 12 bytes a pixel of 40 megapixels are decoded at once, and 20 MiB held for each upload that is
    /// under way: about 700 MB by default where everybody sends the worst.
    Images {
        /// Where the bytes are kept: `file:` and the path of a folder. Empty: the folder `images` in `data_dir`.
        url: String = String::new(),
        /// Images decoded at once: a core each.
        decoders: usize = 2,
        /// Uploads that may be under way beside those; one more is answered 503 at once.
        waiting_max: usize = 8,
        /// Bytes that must come in each second of an upload, on average of five seconds; then 408. 0: any rate.
        upload_bytes_per_second_min: u64 = 4_096,
        /// Milliseconds for an upload from its first byte to the answer, half of them for its body; then 503 or 408.
        upload_timeout_ms: u64 = 120_000,
    }
}

impl Images {
    /// The folder that `url` names; none where it is empty.
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
