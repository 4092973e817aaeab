//! Runs of characters of one script, normalised, with their places in the original text.
use crate::domain::characters::normal_form;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Characters of a word that count; what follows them is not looked at. Nobody types more.
const WORD_LENGTH_MAX: usize = 100;

/// How a run of characters is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// One word.
    Word,
    /// Pairs of syllables.
    Hangul,
    /// Pairs of characters.
    Han,
    /// One pictograph.
    Picture,
}

impl Script {
    pub(super) fn in_pairs(self) -> bool {
        matches!(self, Self::Hangul | Self::Han)
    }
}

/// The smallest piece: a word, a syllable, a pictograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Neighbours of one script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) script: Script,
    /// Of its first unit; the others follow.
    pub(super) position: u32,
    pub(super) units: Vec<Unit>,
}

/// The runs of a text.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let mut cutter = Cutter::default();
    let mut start = 0;
    while let Some(c) = text[start..].chars().next() {
        let end = start + c.len_utf8();
        // Where two of these meet there is a border, and no need for the tables that find others.
        if is_plain(c) && text[end..].chars().next().is_none_or(is_plain) {
            cutter.take(c.to_ascii_lowercase(), start, end);
            start = end;
            continue;
        }
        let cluster = text[start..].graphemes(true).next().unwrap_or(&text[start..end]);
        let end = start + cluster.len();
        cutter.cluster(cluster, start, end);
        start = end;
    }
    cutter.close();
    cutter.runs
}

#[derive(Default)]
struct Cutter {
    runs: Vec<Run>,
    open: Option<Run>,
    position: u32,
}

impl Cutter {
    fn cluster(&mut self, cluster: &str, start: usize, end: usize) {
        if is_picture(cluster) {
            self.close();
            self.add(Script::Picture, &plain(cluster), start, end);
            self.close();
            return;
        }
        // A cluster at a time: what is normalised then has a place in the original.
        for c in normal_form(cluster).chars() {
            self.take(c, start, end);
        }
    }

    /// A character that is normalised.
    fn take(&mut self, c: char, start: usize, end: usize) {
        match script(c) {
            Some(script) => self.add(script, c.encode_utf8(&mut [0; 4]), start, end),
            None if is_combining_mark(c) => self.mark(c, end),
            None if is_invisible(c) => {}
            None => self.close(),
        }
    }

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

    /// A mark that no letter has taken in belongs to what stands before it.
    fn mark(&mut self, mark: char, end: usize) {
        let Some(run) = &mut self.open else { return };
        let Some(unit) = run.units.last_mut() else { return };
        unit.end = end;
        // A syllable with a mark on it is looked for without.
        if run.script == Script::Word && unit.text.chars().count() < WORD_LENGTH_MAX {
            unit.text.push(mark);
        }
    }

    fn close(&mut self) {
        if let Some(run) = self.open.take() {
            self.position += run.units.len() as u32;
            self.runs.push(run);
        }
    }
}

/// Most of what is written here: normalised as it is, and never a picture.
fn is_plain(c: char) -> bool {
    c.is_ascii() || matches!(c, '\u{AC00}'..='\u{D7A3}' | '\u{4E00}'..='\u{9FFF}')
}

fn script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | '0'..='9' => Some(Script::Word),
        '\u{1100}'..='\u{11FF}' | '\u{3131}'..='\u{318E}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' => {
            Some(Script::Hangul)
        }
        // Punctuation among the Kana.
        '\u{30A0}' | '\u{30FB}' => None,
        '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' => Some(Script::Han),
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' => Some(Script::Han),
        '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}' => Some(Script::Han),
        c if c.is_alphanumeric() => Some(Script::Word),
        _ => None,
    }
}

/// Whether people see a picture. Signs that are letters first (™, ①) count only where they ask to be shown as one.
fn is_picture(cluster: &str) -> bool {
    let Some(first) = cluster.chars().next().filter(|first| !first.is_ascii_alphabetic()) else { return false };
    matches!(first, '\u{1F000}'..='\u{1F0FF}' | '\u{1F1E6}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}')
        || matches!(first, '\u{2300}'..='\u{23FF}' | '\u{2B00}'..='\u{2BFF}')
        || cluster.contains(['\u{FE0F}', '\u{20E3}'])
}

/// A pictograph without the colour of its skin and the wish to be shown in colour: 👍 finds 👍🏽.
fn plain(cluster: &str) -> String {
    let varies = |c: &char| matches!(c, '\u{FE0E}' | '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}');
    let plain: String = cluster.chars().filter(|c| !varies(c)).collect();
    if plain.is_empty() { cluster.to_owned() } else { plain }
}

/// Joiners and the like, which people do not see and do not type.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200C}' | '\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}
