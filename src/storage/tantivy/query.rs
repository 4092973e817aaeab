//! Builds the Tantivy query of a `SearchRequest`, with scores that do not depend on other documents.
use super::schema::{Fields, TextFields};
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

/// Maximum number of words that a prefix after other words expands to.
const EXPANSIONS_MAX: u32 = 200;

/// Constant corpus statistics for BM25, so that a score depends only on the text and the query, and stays the same when
/// other texts come and go. BM25 then weighs how often a word is in a text and how long the text is. Rare words do not
/// weigh more, which matters little because a hit has to have every word.
pub(super) struct FixedStatistics;

impl FixedStatistics {
    const DOCUMENTS: u64 = 1_000_000;
    /// Tokens of a typical text.
    const TOKENS_PER_DOCUMENT: u64 = 60;
    const DOCUMENTS_WITH_TERM: u64 = 1_000;
}

impl Bm25StatisticsProvider for FixedStatistics {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(Self::DOCUMENTS * Self::TOKENS_PER_DOCUMENT)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(Self::DOCUMENTS)
    }

    fn doc_freq(&self, _: &Term) -> tantivy::Result<u64> {
        Ok(Self::DOCUMENTS_WITH_TERM)
    }
}

/// Builds the query of a request: its clauses, author, post and tag. The collector filters by kind, times, keys and
/// viewer.
pub(super) fn tantivy_query(fields: &Fields, request: &SearchRequest) -> BooleanQuery {
    let texts = fields.texts(request.kind);
    let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for clause in &request.query.clauses {
        let occur = if clause.excluded { Occur::MustNot } else { Occur::Must };
        parts.push((occur, any_form(texts, clause)));
        if !clause.excluded && request.order == SearchOrder::Relevance {
            parts.extend(title_query(texts, clause).map(|query| (Occur::Should, query)));
        }
    }
    let filters = [
        request.author.map(|author| Term::from_field_u64(fields.author, author.0)),
        request.post.map(|post| Term::from_field_u64(fields.post, post.0)),
        request.tag.as_ref().map(|tag| Term::from_field_text(fields.tag, tag)),
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

/// Matches any form of a clause; scores as the best one.
fn any_form(texts: &TextFields, clause: &Clause) -> Box<dyn Query> {
    let mut forms: Vec<Box<dyn Query>> = clause.forms.iter().map(|form| all_phrases(texts, form)).collect();
    match forms.len() {
        1 => forms.remove(0),
        _ => Box::new(DisjunctionMaxQuery::new(forms)),
    }
}

/// Matches all phrases of a form.
fn all_phrases(texts: &TextFields, form: &[Phrase]) -> Box<dyn Query> {
    let mut phrases: Vec<Box<dyn Query>> = form.iter().map(|phrase| phrase_query(texts, texts.all, phrase)).collect();
    match phrases.len() {
        1 => phrases.remove(0),
        _ => Box::new(BooleanQuery::intersection(phrases)),
    }
}

/// Matches the clause as it was typed in the title, to score it once more.
fn title_query(texts: &TextFields, clause: &Clause) -> Option<Box<dyn Query>> {
    let typed = clause.forms.first()?;
    let [phrase @ Phrase::Terms { .. }] = &typed[..] else { return None };
    Some(phrase_query(texts, texts.title, phrase))
}

fn phrase_query(texts: &TextFields, field: Field, phrase: &Phrase) -> Box<dyn Query> {
    let constant = |query: Box<dyn Query>| Box::new(ConstScoreQuery::new(query, 1.0));
    match phrase {
        Phrase::Syllable(syllable) => {
            let term = Term::from_field_text(texts.syllables, syllable);
            constant(Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
        }
        Phrase::Terms { terms, prefix } => {
            let offset_terms = terms.iter().map(|(at, text)| (*at as usize, Term::from_field_text(field, text)));
            let mut offset_terms: Vec<(usize, Term)> = offset_terms.collect();
            if *prefix {
                // Its own score would depend on the words of the index.
                let mut query = PhrasePrefixQuery::new_with_offset(offset_terms);
                query.set_max_expansions(EXPANSIONS_MAX);
                return constant(Box::new(query));
            }
            match offset_terms.len() {
                1 => Box::new(TermQuery::new(offset_terms.remove(0).1, IndexRecordOption::WithFreqs)),
                _ => Box::new(PhraseQuery::new_with_offset(offset_terms)),
            }
        }
    }
}
