//! Tests of loading: defaults, files and variables, invalid values, secrets.
use super::{Config, ConfigError, Loaded, Origin, layers::Layers, load::load};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use toml::Table;

fn pairs(environment: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

fn with(environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load(None, pairs(environment))
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn from_file(text: &str) -> Result<Loaded, ConfigError> {
    let (_folder, path) = file(text);
    load(Some(&path), std::iter::empty())
}

fn origin(loaded: &Loaded, key: &str) -> String {
    loaded.rows.iter().find(|row| row.key == key).unwrap().origin.to_string()
}

/// Asserts that the configuration is refused with a message that contains all of `named`.
fn refused(result: Result<Loaded, ConfigError>, named: &[&str]) {
    let message = result.unwrap_err().to_string();
    assert!(named.iter().all(|part| message.contains(part)), "{message}");
}

#[test]
fn defaults_are_in_range_and_have_the_origin_default() {
    let loaded = with(&[]).unwrap();
    assert!(loaded.rows.iter().all(|row| row.origin == Origin::Default));
    assert!(loaded.rows.is_sorted_by_key(|row| row.key.clone()));
    assert_eq!(loaded.config.http.listen, "127.0.0.1:8080");
    assert_eq!(loaded.config.storage.synchronous, "full");
}

#[test]
fn the_environment_replaces_defaults_and_is_the_origin() {
    let loaded = with(&[
        ("DAILYFEED_HTTP__LISTEN", "127.0.0.1:0"),
        ("DAILYFEED_HTTP__CORS_ORIGINS", "https://a.kr, https://b.kr,"),
        ("DAILYFEED_LIMITS__ENABLED", "false"),
        ("DAILYFEED_STREAM__BUFFER_MAX", " 7 "),
        ("DAILYFEED_NODE__NAME", "7"),
        ("DAILYFEEDS_HTTP__LISTEN", "somebody else's"),
        ("HOME", "/"),
    ]);
    let loaded = loaded.unwrap();
    assert_eq!(loaded.config.http.listen, "127.0.0.1:0");
    assert_eq!(loaded.config.http.cors_origins, ["https://a.kr", "https://b.kr"]);
    assert!(!loaded.config.limits.enabled);
    assert_eq!((loaded.config.stream.buffer_max, loaded.config.node.name.as_str()), (7, "7"));
    assert_eq!(origin(&loaded, "http.listen"), "environment DAILYFEED_HTTP__LISTEN");
    assert_eq!(origin(&loaded, "http.body_max_bytes"), "default");
}

#[test]
fn a_list_may_be_emptied() {
    let (_folder, path) = file("[http]\ncors_origins = ['https://a.kr']\n");
    let loaded = load(Some(&path), pairs(&[("DAILYFEED_HTTP__CORS_ORIGINS", "")])).unwrap();
    assert!(loaded.config.http.cors_origins.is_empty());
}

#[test]
fn a_file_is_under_the_environment_and_over_the_defaults() {
    let (_folder, path) = file("data_dir = 'x'\n[http]\nlisten = '127.0.0.1:1'\n");
    let loaded = load(Some(&path), pairs(&[("DAILYFEED_HTTP__LISTEN", "127.0.0.1:2")])).unwrap();
    assert_eq!((loaded.config.data_dir.as_str(), loaded.config.http.listen.as_str()), ("x", "127.0.0.1:2"));
    assert_eq!(origin(&loaded, "data_dir"), format!("file {}", path.display()));
    assert_eq!(origin(&loaded, "http.listen"), "environment DAILYFEED_HTTP__LISTEN");
}

#[test]
fn printed_rows_are_a_file_that_loads_the_same_values() {
    let set = [("DAILYFEED_HTTP__CORS_ORIGINS", "https://a.kr"), ("DAILYFEED_LIMITS__ENABLED", "false")];
    let printed = |loaded: Loaded| -> Vec<_> {
        loaded.rows.into_iter().map(|row| format!("{} = {}\n", row.key, row.value)).collect()
    };
    let first = printed(with(&set).unwrap());
    assert_eq!(printed(from_file(&first.concat()).unwrap()), first);
}

#[test]
fn an_unknown_key_is_named_with_its_neighbours() {
    refused(
        with(&[("DAILYFEED_HTTP__LISTN", "x")]),
        &["http.listn", "environment DAILYFEED_HTTP__LISTN", "http.listen"],
    );
    refused(with(&[("DAILYFEED_CONFIG", "x")]), &["unknown key config", "data_dir", "http.*"]);
    refused(with(&[("DAILYFEED_http__listen", "x")]), &["DAILYFEED_http__listen"]);
    refused(with(&[("DAILYFEED_HTTP.LISTEN", "x")]), &["DAILYFEED_HTTP.LISTEN"]);
    refused(from_file("[http]\nlistn = 'x'\n"), &["unknown key http.listn", "a.toml"]);
    refused(from_file("[htp]\nlisten = 'x'\n"), &["htp.listen", "http.*"]);
    refused(from_file("[htp]\n"), &["unknown key htp"]);
    refused(from_file("http = 3\n"), &["unknown key http "]);
    assert!(from_file("[http]\n").is_ok());
}

#[test]
fn a_value_of_another_type_is_named_with_its_origin() {
    refused(with(&[("DAILYFEED_HTTP__BODY_MAX_BYTES", "many")]), &["http.body_max_bytes is \"many\"", "an integer"]);
    refused(with(&[("DAILYFEED_LIMITS__ENABLED", "on")]), &["environment DAILYFEED_LIMITS__ENABLED", "true or false"]);
    refused(with(&[("DAILYFEED_STREAM__BUFFER_MAX", "-1")]), &["stream.buffer_max is -1", "0 or more"]);
    refused(from_file("[http]\nlisten = 8080\n"), &["http.listen is 8080", "a.toml", "a string"]);
    refused(from_file("[http]\ncors_origins = [1]\n"), &["http.cors_origins", "a list of strings"]);
    refused(from_file("[storage]\nread_connections = 4.0\n"), &["storage.read_connections is 4.0"]);
}

#[test]
fn numbers_out_of_range_are_named_with_the_range() {
    refused(with(&[("DAILYFEED_ACTORS__QUEUE_MAX", "0")]), &["actors.queue_max is 0", "from 1 to 1000000"]);
    refused(with(&[("DAILYFEED_LIMITS__MEMBER_BURST", "5000000000")]), &["limits.member_burst", "from 1 to"]);
    refused(with(&[("DAILYFEED_HTTP__REQUEST_TIMEOUT_MS", "99999999999999999999")]), &["http.request_timeout_ms"]);
}

#[test]
fn every_number_has_a_range_that_its_field_can_hold() {
    for key in with(&[]).unwrap().rows.iter().filter(|row| row.value.parse::<i64>().is_ok()).map(|row| &row.key) {
        let name = format!("DAILYFEED_{}", key.to_uppercase().replace('.', "__"));
        let most = with(&[(&name, &i64::MAX.to_string())]).unwrap_err().to_string();
        let most = most.rsplit(' ').next().unwrap();
        assert!(most.parse::<i64>().is_ok(), "{key}: {most}");
        with(&[(&name, most), ("DAILYFEED_AUTHENTICATION__SESSION_DAYS", "3650")]).unwrap();
    }
}

#[test]
fn invalid_values_are_refused_with_the_expected_form() {
    let cases = [
        ("PROFILE", "cloud", "one of embedded"),
        ("PROFILE", "cluster", "this build has no cluster profile"),
        ("ROLES", "write,cook", "some of write"),
        ("ROLES", "write,write", "each role once"),
        ("ROLES", "write,read", "the embedded profile serves all"),
        ("DATA_DIR", "", "the path of a folder"),
        ("HTTP__LISTEN", "here", "an address with a port"),
        ("ADMIN__LISTEN", "127.0.0.1:8080", "an address other than http.listen"),
        ("HTTP__PUBLIC_URL", "feed.example", "https://feed.example"),
        ("HTTP__PUBLIC_URL", "https://me:secret@feed.example", "https://feed.example"),
        ("HTTP__TRUSTED_PROXIES", "10.0.0.0/8,proxy", "networks such as"),
        ("HTTP__INSECURE_COOKIES", "yes", "one of auto, true, false"),
        ("HTTP__CORS_ORIGINS", "https://a.kr/", "origins such as"),
        ("HTTP__CORS_ORIGINS", "https://A.kr", "origins such as"),
        ("HTTP__CORS_ORIGINS", "https://a.kr,*", "or only *"),
        ("LOG__LEVEL", "inof", "a level"),
        ("LOG__LEVEL", "dailyfeed=loud", "a level"),
        ("LOG__LEVEL", "", "a level"),
        ("LOG__FORMAT", "xml", "one of auto, text, json"),
        ("RANKING__DAY_ZONE", "Moon/Base", "an IANA time zone"),
        ("STORAGE__SYNCHRONOUS", "off", "one of full, normal"),
    ];
    for (name, value, expected) in cases {
        let name = format!("DAILYFEED_{name}");
        refused(with(&[(&name, value)]), &[&format!("environment {name}"), expected]);
    }
    let short =
        [("DAILYFEED_AUTHENTICATION__SESSION_DAYS", "1"), ("DAILYFEED_AUTHENTICATION__ACCESS_TOKEN_SECONDS", "86401")];
    refused(with(&short), &["authentication.access_token_seconds is 86401", "authentication.session_days"]);
}

#[test]
fn valid_values_are_accepted() {
    let cases = [
        ("HTTP__LISTEN", "[::1]:0"),
        ("HTTP__PUBLIC_URL", "https://feed.example:8443"),
        ("HTTP__TRUSTED_PROXIES", "10.0.0.0/8,::1/128"),
        ("HTTP__CORS_ORIGINS", "*"),
        ("HTTP__CORS_ORIGINS", "http://localhost:3000,capacitor://localhost"),
        ("LOG__LEVEL", "WARN"),
        ("LOG__LEVEL", "info,dailyfeed::http=debug"),
        ("ROLES", "image,search,activity,read,write"),
        ("ADMIN__LISTEN", "0.0.0.0:8080"),
    ];
    for (name, value) in cases {
        with(&[(&format!("DAILYFEED_{name}"), value)]).unwrap();
    }
}

#[test]
fn a_switch_that_may_be_automatic_is_accepted_with_and_without_quotes() {
    let set =
        |text: &str| from_file(&format!("[http]\ninsecure_cookies = {text}\n")).map(|l| l.config.insecure_cookies());
    assert!(with(&[]).unwrap().config.insecure_cookies());
    assert!(!with(&[("DAILYFEED_HTTP__LISTEN", "0.0.0.0:0")]).unwrap().config.insecure_cookies());
    assert!(!set("false").unwrap() && !set("'false'").unwrap() && set("true").unwrap());
    let by_https = [("DAILYFEED_HTTP__PUBLIC_URL", "https://feed.example")];
    assert!(!with(&by_https).unwrap().config.insecure_cookies(), "never with an https public_url");
}

#[test]
fn a_file_that_is_missing_or_not_toml_is_named() {
    refused(load(Some(Path::new("/nowhere/a.toml")), std::iter::empty()), &["/nowhere/a.toml"]);
    let message = from_file("profile = 'embedded'\nsecret = 'hunter2\n").unwrap_err().to_string();
    assert!(message.contains("a.toml") && message.contains("line 2") && !message.contains("hunter2"), "{message}");
}

/// Keys of the future cluster profile, which have twins.
fn layers() -> Layers {
    let defaults = "[mysql]\nurl = ''\nreplica_urls = []\n[internal]\nsecret = ''\nlisten = ''\n";
    Layers::new(&defaults.parse::<Table>().unwrap())
}

#[test]
fn a_secret_may_come_from_a_file() {
    let (_folder, path) = file("mysql://me:hunter2@db\n");
    let path = path.display().to_string();
    let mut layers = layers();
    let names = [("DAILYFEED_MYSQL__URL_FILE", path.as_str()), ("DAILYFEED_MYSQL__REPLICA_URLS_FILE", path.as_str())];
    layers.add_environment(pairs(&names)).unwrap();
    let table = layers.table();
    assert_eq!(table["mysql"]["url"].as_str(), Some("mysql://me:hunter2@db"));
    assert_eq!(table["mysql"]["replica_urls"].as_array().unwrap().len(), 1);
    let row = layers.rows().find(|(key, ..)| key == "mysql.url").unwrap();
    assert_eq!(row.1, "\"mysql://***@db\"");
    assert_eq!(row.2.to_string(), format!("file {path} by environment DAILYFEED_MYSQL__URL_FILE"));
}

#[test]
fn a_file_may_name_the_file_of_a_secret() {
    let (_secret_folder, secret) = file("hunter2\n");
    let (_folder, path) = file(&format!("[internal]\nsecret_file = '{}'\n", secret.display()));
    let mut layers = layers();
    layers.add_file(&path).unwrap();
    assert_eq!(layers.table()["internal"]["secret"].as_str(), Some("hunter2"));
}

#[test]
fn a_value_and_a_file_of_it_are_refused_in_either_order() {
    let (_secret_folder, secret) = file("hunter2\n");
    let secret = secret.display().to_string();
    let both = [("DAILYFEED_INTERNAL__SECRET", "x"), ("DAILYFEED_INTERNAL__SECRET_FILE", secret.as_str())];
    for order in [both, [both[1], both[0]]] {
        let message = layers().add_environment(pairs(&order)).unwrap_err().to_string();
        assert!(message.contains("both internal.secret (environment DAILYFEED_INTERNAL__SECRET)"), "{message}");
        assert!(message.contains("and internal.secret_file ("), "{message}");
    }
}

#[test]
fn only_secrets_have_twins_and_no_message_shows_one() {
    let message = |result: Result<(), ConfigError>| result.unwrap_err().to_string();
    let unknown = message(layers().add_environment(pairs(&[("DAILYFEED_INTERNAL__LISTEN_FILE", "x")])));
    assert!(unknown.contains("unknown key internal.listen_file"), "{unknown}");
    let missing = message(layers().add_environment(pairs(&[("DAILYFEED_INTERNAL__SECRET_FILE", "/nowhere/x")])));
    assert!(missing.contains("/nowhere/x"), "{missing}");
    let (_folder, path) = file("[internal]\nsecret = ['hunter2']\n");
    let bad = message(layers().add_file(&path));
    assert!(bad.contains("internal.secret") && bad.contains("a string") && !bad.contains("hunter2"), "{bad}");
    let (_folder, path) = file("[internal]\nsecret_file = 3\n");
    assert!(message(layers().add_file(&path)).contains("the path of a file"));
}

#[test]
fn tests_get_free_ports_and_no_limits() {
    let config = Config::for_tests(Path::new("elsewhere"));
    assert_eq!((config.http.listen.as_str(), config.admin.listen.as_str()), ("127.0.0.1:0", "127.0.0.1:0"));
    assert!(!config.limits.enabled && config.data_dir == "elsewhere");
}
