//! Cuts a text into runs of characters of one script, normalised, with offsets into the original text.
use crate::domain::characters::normal_form;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Maximum number of characters of a word; the rest is ignored. No query has more.
const WORD_LENGTH_MAX: usize = 100;

/// The script of a run, which decides how it is tokenized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// One word.
    Word,
    /// Pairs of syllables.
    Hangul,
    /// Pairs of characters.
    Han,
    /// One emoji.
    Emoji,
}

impl Script {
    pub(super) fn in_pairs(self) -> bool {
        matches!(self, Self::Hangul | Self::Han)
    }
}

/// A word, a syllable or an emoji: positions count these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Adjacent units of one script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) script: Script,
    /// Position of its first unit; the others follow.
    pub(super) position: u32,
    pub(super) units: Vec<Unit>,
}

/// Returns the runs of a text.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let mut builder = RunBuilder::default();
    let mut start = 0;
    while let Some(c) = text[start..].chars().next() {
        let end = start + c.len_utf8();
        // Two plain characters never form a cluster, so no table lookup is needed.
        if is_plain(c) && text[end..].chars().next().is_none_or(is_plain) {
            builder.push(c.to_ascii_lowercase(), start, end);
            start = end;
            continue;
        }
        let cluster = text[start..].graphemes(true).next().unwrap_or(&text[start..end]);
        let end = start + cluster.len();
        builder.push_cluster(cluster, start, end);
        start = end;
    }
    builder.close();
    builder.runs
}

#[derive(Default)]
struct RunBuilder {
    runs: Vec<Run>,
    open: Option<Run>,
    position: u32,
}

impl RunBuilder {
    /// Adds a grapheme cluster: an emoji as its own run, any other one by its normalised characters.
    fn push_cluster(&mut self, cluster: &str, start: usize, end: usize) {
        if is_emoji_cluster(cluster) {
            self.close();
            self.add(Script::Emoji, &plain_emoji(cluster), start, end);
            self.close();
            return;
        }
        // Normalised cluster by cluster, so that each result has an offset in the original text.
        for c in normal_form(cluster).chars() {
            self.push(c, start, end);
        }
    }

    /// Adds one normalised character.
    fn push(&mut self, c: char, start: usize, end: usize) {
        match script(c) {
            Some(script) => self.add(script, c.encode_utf8(&mut [0; 4]), start, end),
            None if is_combining_mark(c) => self.push_mark(c, end),
            None if is_invisible(c) => {}
            None => self.close(),
        }
    }

    /// Adds text to the open word, or a unit to the open run of its script.
    fn add(&mut self, script: Script, text: &str, start: usize, end: usize) {
        if self.open.as_ref().is_some_and(|run| run.script != script) {
            self.close();
        }
        let position = self.position;
        let run = self.open.get_or_insert_with(|| Run { script, position, units: Vec::new() });
        match run.units.last_mut().filter(|_| script == Script::Word) {
            Some(word) => {
                word.end = end;
                if word.text.len() < WORD_LENGTH_MAX || word.text.chars().count() < WORD_LENGTH_MAX {
                    word.text.push_str(text);
                }
            }
            None => run.units.push(Unit { text: text.to_owned(), start, end }),
        }
    }

    /// Adds a combining mark that normalisation has not composed to the unit before it.
    fn push_mark(&mut self, mark: char, end: usize) {
        let Some(run) = &mut self.open else { return };
        let Some(unit) = run.units.last_mut() else { return };
        unit.end = end;
        // A marked syllable is searched for without its mark.
        if run.script == Script::Word && unit.text.chars().count() < WORD_LENGTH_MAX {
            unit.text.push(mark);
        }
    }

    /// Ends the open run.
    fn close(&mut self) {
        if let Some(run) = self.open.take() {
            self.position += run.units.len() as u32;
            self.runs.push(run);
        }
    }
}

/// Returns whether a character is its own normal form (but for ASCII case) and never part of an emoji: most characters
/// of Korean, Chinese and English texts.
fn is_plain(c: char) -> bool {
    c.is_ascii() || matches!(c, '\u{AC00}'..='\u{D7A3}' | '\u{4E00}'..='\u{9FFF}')
}

fn script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | '0'..='9' => Some(Script::Word),
        '\u{1100}'..='\u{11FF}' | '\u{3131}'..='\u{318E}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' => {
            Some(Script::Hangul)
        }
        // Punctuation in the Kana blocks.
        '\u{30A0}' | '\u{30FB}' => None,
        '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' => Some(Script::Han),
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' => Some(Script::Han),
        '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}' => Some(Script::Han),
        c if c.is_alphanumeric() => Some(Script::Word),
        _ => None,
    }
}

/// Returns whether a cluster is shown as an emoji. Characters that are text by default (™, ①) are one only with a
/// variation selector or a keycap.
fn is_emoji_cluster(cluster: &str) -> bool {
    let Some(first) = cluster.chars().next().filter(|first| !first.is_ascii_alphabetic()) else { return false };
    matches!(first, '\u{1F000}'..='\u{1F0FF}' | '\u{1F1E6}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}')
        || matches!(first, '\u{2300}'..='\u{23FF}' | '\u{2B00}'..='\u{2BFF}')
        || cluster.contains(['\u{FE0F}', '\u{20E3}'])
}

/// Removes skin tones and variation selectors from an emoji: 👍 finds 👍🏽.
fn plain_emoji(cluster: &str) -> String {
    let is_variation = |c: &char| matches!(c, '\u{FE0E}' | '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}');
    let plain: String = cluster.chars().filter(|c| !is_variation(c)).collect();
    if plain.is_empty() { cluster.to_owned() } else { plain }
}

/// Returns whether a character is a joiner or the like, which is invisible and not typed.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200C}' | '\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}
