//! What is wanted, in Tantivy's terms, with scores that no other document has a say in.
use super::schema::{Fields, Texts};
use crate::{
    domain::{
        SearchOrder,
        search::{Clause, Phrase},
    },
    storage::SearchRequest,
};
use tantivy::{
    Term,
    query::{
        AllQuery, Bm25StatisticsProvider, BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, PhrasePrefixQuery,
        PhraseQuery, Query, TermQuery,
    },
    schema::{Field, IndexRecordOption},
};

/// Words that a prefix after other words may become.
const EXPANSIONS_MAX: u32 = 200;

/// Made-up statistics: BM25 then weighs how often a word is in a text and how long the text is, and a score stays what
/// it is when other texts come and go. What is lost is that rare words weigh more, which matters little where every word
/// has to be there.
pub(super) struct Fixed;

impl Fixed {
    const DOCUMENTS: u64 = 1_000_000;
    /// Tokens of a typical text.
    const LENGTH: u64 = 60;
    const WITH_TERM: u64 = 1_000;
}

impl Bm25StatisticsProvider for Fixed {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(Self::DOCUMENTS * Self::LENGTH)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(Self::DOCUMENTS)
    }

    fn doc_freq(&self, _: &Term) -> tantivy::Result<u64> {
        Ok(Self::WITH_TERM)
    }
}

/// The whole query. Kind, times and places are left to the collector.
pub(super) fn of(fields: &Fields, wanted: &SearchRequest) -> BooleanQuery {
    let texts = fields.of(wanted.kind);
    let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for clause in &wanted.query.clauses {
        let occur = if clause.excluded { Occur::MustNot } else { Occur::Must };
        parts.push((occur, one_of(texts, clause)));
        if !clause.excluded && wanted.order == SearchOrder::Relevance {
            parts.extend(in_title(texts, clause).map(|query| (Occur::Should, query)));
        }
    }
    let filters = [
        wanted.author.map(|author| Term::from_field_u64(fields.author, author.0)),
        wanted.post.map(|post| Term::from_field_u64(fields.post, post.0)),
        wanted.tag.as_ref().map(|tag| Term::from_field_text(fields.tag, tag)),
    ];
    for term in filters.into_iter().flatten() {
        let filter = TermQuery::new(term, IndexRecordOption::Basic);
        parts.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(filter), 0.0))));
    }
    if parts.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        parts.push((Occur::Must, Box::new(AllQuery)));
    }
    BooleanQuery::new(parts)
}

/// The best of the clause's forms.
fn one_of(texts: &Texts, clause: &Clause) -> Box<dyn Query> {
    let mut forms: Vec<Box<dyn Query>> = clause.any.iter().map(|form| all_of(texts, form)).collect();
    match forms.len() {
        1 => forms.remove(0),
        _ => Box::new(DisjunctionMaxQuery::new(forms)),
    }
}

fn all_of(texts: &Texts, form: &[Phrase]) -> Box<dyn Query> {
    let mut phrases: Vec<Box<dyn Query>> = form.iter().map(|phrase| look_up(texts, texts.all, phrase)).collect();
    match phrases.len() {
        1 => phrases.remove(0),
        _ => Box::new(BooleanQuery::intersection(phrases)),
    }
}

/// What was typed, in the title: worth as much again.
fn in_title(texts: &Texts, clause: &Clause) -> Option<Box<dyn Query>> {
    let typed = clause.any.first()?;
    let [phrase @ Phrase::Terms { .. }] = &typed[..] else { return None };
    Some(look_up(texts, texts.title, phrase))
}

fn look_up(texts: &Texts, field: Field, phrase: &Phrase) -> Box<dyn Query> {
    let constant = |query: Box<dyn Query>| Box::new(ConstScoreQuery::new(query, 1.0));
    match phrase {
        Phrase::Syllable(syllable) => {
            let term = Term::from_field_text(texts.syllables, syllable);
            constant(Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
        }
        Phrase::Terms { terms, prefix } => {
            let placed = terms.iter().map(|(at, text)| (*at as usize, Term::from_field_text(field, text)));
            let mut placed: Vec<(usize, Term)> = placed.collect();
            if *prefix {
                // Its own score would follow the words that are there.
                let mut query = PhrasePrefixQuery::new_with_offset(placed);
                query.set_max_expansions(EXPANSIONS_MAX);
                return constant(Box::new(query));
            }
            match placed.len() {
                1 => Box::new(TermQuery::new(placed.remove(0).1, IndexRecordOption::WithFreqs)),
                _ => Box::new(PhraseQuery::new_with_offset(placed)),
            }
        }
    }
}
