//! Tokenizes a text for the search index, compared with the bare libraries for normal forms and words.
use dailyfeed::domain::search;
use divan::black_box;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

const KOREAN: &str =
    "오늘 한강에서 자전거를 탔는데 바람이 정말 시원했다. 다음에는 친구들과 같이 가고 싶다! #한강 #일상";
const ENGLISH: &str =
    "Took the bike along the river this morning; the wind was cool and the coffee even better. #river #weekend";

const TEXTS: [&str; 2] = ["korean", "english"];

fn named(name: &str) -> &'static str {
    if name == "korean" { KOREAN } else { ENGLISH }
}

#[divan::bench(args = TEXTS)]
fn tokenize(name: &str) -> usize {
    search::tokenize(black_box(named(name))).len()
}

#[divan::bench(args = TEXTS)]
fn bare_normal_form_and_words(name: &str) -> usize {
    let normal: String = black_box(named(name)).nfkc().flat_map(char::to_lowercase).collect();
    normal.unicode_words().count()
}
