//! Words: retired names are refused, and so are sentences in comments that begin with a relative clause.
use super::{documents::documents, sources};
use std::path::Path;

/// Words that the glossary in ARCHITECTURE.md replaces, and their replacement. Refused as whole words, in code,
/// comments and Markdown. Pieces of snake_case names count as words: `seen_eyes` contains `eyes`.
const RETIRED: &[(&str, &str)] = &[
    ("buried", "moved to the dead letters"),
    ("bury", "add a dead letter"),
    ("circle", "relation list"),
    ("circles", "relation lists"),
    ("departed", "deactivated"),
    ("eyes", "viewer"),
    ("gone", "deactivated, deleted or closed"),
    ("door", "guard or mailbox"),
    ("notice", "notification"),
    ("notices", "notifications"),
    ("patience", "timeout"),
    ("reticent", "non-public"),
    ("shelf", "index directory"),
    ("stirred", "active"),
    ("strays", "orphans"),
    ("tie", "relation"),
    ("ties", "relations"),
    ("told", "notified, or notification"),
    ("whoever", "the member, client or caller who"),
];
/// Names of types that were renamed, beside those that a word of [`RETIRED`] covers. Refused as whole words.
const RETIRED_TYPES: &[&str] = &[
    "Asker",
    "AskedFor",
    "Birth",
    "ContentStore",
    "CountedBelow",
    "EventLive",
    "Family",
    "Newcomer",
    "PostPlace",
    "Scored",
    "SearchPlace",
    "SeenPost",
    "Sight",
    "Tallied",
    "TieChange",
    "Trouble",
    "UpkeepStore",
    "Verdict",
    "Watcher",
];
/// Phrases in which a retired word keeps its ordinary meaning.
const ORDINARY: &[&str] = &["410 Gone"];
/// Words that begin a relative clause. A sentence names its subject first.
const RELATIVE: &[&str] =
    &["What", "Whatever", "Where", "Wherever", "Who", "Whoever", "Whom", "Whose", "Those", "Nothing", "Nobody"];

/// The words of a text: letters and digits, cut at everything else and at underscores.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn retired(line: &str) -> Vec<String> {
    let line = ORDINARY.iter().fold(line.to_owned(), |line, ordinary| line.replace(ordinary, ""));
    let word = |found: &&(&str, &str)| words(&line).any(|word| word.eq_ignore_ascii_case(found.0));
    let mut wrong: Vec<String> = Vec::new();
    wrong.extend(RETIRED.iter().filter(word).map(|(word, instead)| format!("says `{word}`: write {instead}")));
    let name = |found: &&&str| words(&line).any(|word| word == **found);
    wrong.extend(RETIRED_TYPES.iter().filter(name).map(|name| format!("names `{name}`, which was renamed")));
    wrong
}

/// The text of a comment line, without its slashes.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.trim_start_matches(['/', '!']).trim())
}

/// Sentences of comments that begin with a relative clause.
fn relative(text: &str) -> Vec<(usize, String)> {
    let mut wrong = Vec::new();
    let mut sentence_ended = true;
    for (number, line) in text.lines().enumerate() {
        let Some(comment) = comment(line) else {
            sentence_ended = true;
            continue;
        };
        let mut starts = Vec::new();
        if sentence_ended {
            starts.push(comment);
        }
        starts.extend(comment.split(". ").skip(1));
        for start in starts {
            let first = start.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
            // A question may begin with any of them.
            let question = start.split(". ").next().is_some_and(|sentence| sentence.ends_with('?'));
            if RELATIVE.contains(&first) && !question {
                wrong.push((number + 1, format!("begins a sentence with `{first}`: name the subject first")));
            }
        }
        sentence_ended = comment.is_empty() || comment.ends_with(['.', ':', '?', '!']);
    }
    wrong
}

#[test]
fn retired_words_are_refused() {
    let own = |path: &Path| path.ends_with("tidy/words.rs");
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().chain(documents()).filter(|(path, _)| !own(path)) {
        for (number, line) in text.lines().enumerate() {
            wrong.extend(retired(line).into_iter().map(|what| format!("{}:{} {what}", path.display(), number + 1)));
        }
    }
    assert!(wrong.is_empty(), "{} lines\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn sentences_name_their_subject_first() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        wrong.extend(relative(&text).into_iter().map(|(line, what)| format!("{}:{line} {what}", path.display())));
    }
    assert!(wrong.is_empty(), "{} sentences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_retired_word_is_found_in_names_and_prose() {
    for line in ["let eyes = 1;", "fn seen_eyes() {}", "/// Told to its author.", "author_gone", "struct Ties;"] {
        assert!(!retired(line).is_empty(), "{line}");
    }
    for line in ["toldo", "untied", "fn noticed_at()", "answers 410 Gone"] {
        assert!(retired(line).is_empty(), "{line}");
    }
}

#[test]
fn a_relative_clause_is_found_at_the_start_of_a_sentence() {
    for text in ["/// What is hidden.", "// Stores it. Where it fails, nothing is lost.", "//! A.\n//! Whoever asks."] {
        assert_eq!(relative(text).len(), 1, "{text}");
    }
    for text in
        ["/// Where does it begin?", "/// The row that says\n/// What it is.", "let what = 1; // Stores what is there."]
    {
        assert!(relative(text).is_empty(), "{text}");
    }
}
