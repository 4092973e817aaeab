//! The fields of an index, and what a post, comment or member is in it.
use crate::domain::{
    Comment, Member, Post, SearchKind,
    search::{Token as Piece, syllables, tokenize},
};
use tantivy::{
    Index, TantivyDocument, Term,
    schema::{FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer},
};

/// Changes when fields or what is put into them do: an index of another version is built anew.
pub(super) const SCHEMA_VERSION: u32 = 2;
/// The tokenizers by the names under which fields know them.
const PIECES: &str = "pieces";
const SYLLABLES: &str = "syllables";

/// The texts of one kind. Each kind has its own fields, so that no search walks through what the others have written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts {
    /// Everything, with positions.
    pub(super) all: Field,
    /// What weighs more: a title, a name.
    pub(super) title: Field,
    /// Which single syllables there are.
    pub(super) syllables: Field,
}

/// The fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// Id and kind.
    pub(super) key: Field,
    pub(super) author: Field,
    /// Of a comment.
    pub(super) post: Field,
    /// Milliseconds since 1970.
    pub(super) created: Field,
    pub(super) tag: Field,
    posts: Texts,
    comments: Texts,
    members: Texts,
}

impl Fields {
    pub(super) fn of(&self, kind: SearchKind) -> &Texts {
        match kind {
            SearchKind::Post => &self.posts,
            SearchKind::Comment => &self.comments,
            SearchKind::Member => &self.members,
        }
    }

    /// The schema and its fields.
    pub(super) fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let text = |tokenizer, record, norms| {
            let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(record);
            TextOptions::default().set_indexing_options(indexing.set_fieldnorms(norms))
        };
        let pieces = text(PIECES, IndexRecordOption::WithFreqsAndPositions, true);
        let single = text(SYLLABLES, IndexRecordOption::Basic, false);
        let mut texts = |name: &str| Texts {
            all: schema.add_text_field(name, pieces.clone()),
            title: schema.add_text_field(&format!("{name}_title"), pieces.clone()),
            syllables: schema.add_text_field(&format!("{name}_syllables"), single.clone()),
        };
        let (posts, comments, members) = (texts("post"), texts("comment"), texts("member"));
        let fields = Self {
            key: schema.add_u64_field("key", INDEXED | FAST),
            author: schema.add_u64_field("author", INDEXED | FAST),
            post: schema.add_u64_field("on", INDEXED | FAST),
            created: schema.add_i64_field("created", FAST),
            tag: schema.add_text_field("tag", STRING),
            posts,
            comments,
            members,
        };
        (schema.build(), fields)
    }

    pub(super) fn post(&self, post: &Post) -> TantivyDocument {
        let mut document = self.document(SearchKind::Post, post.id.0, post.author.0, post.created_at.0);
        let title = post.title.as_deref().unwrap_or_default();
        self.write(&mut document, SearchKind::Post, &[title], &[&post.content]);
        for tag in &post.tags {
            document.add_text(self.tag, &tag.tag);
        }
        document
    }

    pub(super) fn comment(&self, comment: &Comment) -> TantivyDocument {
        let author = comment.author.0;
        let mut document = self.document(SearchKind::Comment, comment.id.0, author, comment.created_at.0);
        document.add_u64(self.post, comment.post.0);
        self.write(&mut document, SearchKind::Comment, &[], &[&comment.content]);
        document
    }

    pub(super) fn member(&self, member: &Member) -> TantivyDocument {
        let mut document = self.document(SearchKind::Member, member.id.0, member.id.0, member.created_at.0);
        let profile = &member.profile;
        let names = [&member.handle, profile.shown_name(), &profile.member_name];
        self.write(&mut document, SearchKind::Member, &names, &[profile.bio.as_deref().unwrap_or_default()]);
        document
    }

    fn document(&self, kind: SearchKind, id: u64, author: u64, created: i64) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_u64(self.key, key(kind, id));
        document.add_u64(self.author, author);
        document.add_i64(self.created, created);
        document
    }

    fn write(&self, document: &mut TantivyDocument, kind: SearchKind, titles: &[&str], texts: &[&str]) {
        let fields = self.of(kind);
        for title in titles.iter().filter(|title| !title.is_empty()) {
            document.add_text(fields.title, title);
        }
        for text in titles.iter().chain(texts).filter(|text| !text.is_empty()) {
            document.add_text(fields.all, text);
            document.add_text(fields.syllables, text);
        }
    }

    /// What names one document.
    pub(super) fn key_term(&self, kind: SearchKind, id: u64) -> Term {
        Term::from_field_u64(self.key, key(kind, id))
    }
}

/// Ids have 53 bits; the kind goes below them, so that keys of one kind are in the order of their ids.
fn key(kind: SearchKind, id: u64) -> u64 {
    id << 2 | kind as u64
}

/// The id of a key of that kind.
pub(super) fn id_of(key: u64, kind: SearchKind) -> Option<u64> {
    (key & 3 == kind as u64).then_some(key >> 2)
}

/// Tells an index how texts are cut.
pub(super) fn register(index: &Index) {
    index.tokenizers().register(PIECES, TextAnalyzer::builder(Cutter(tokenize)).build());
    index.tokenizers().register(SYLLABLES, TextAnalyzer::builder(Cutter(syllables)).build());
}

/// Cuts texts as the domain does.
#[derive(Clone)]
struct Cutter(fn(&str) -> Vec<Piece>);

struct Pieces {
    rest: std::vec::IntoIter<Piece>,
    token: Token,
}

impl Tokenizer for Cutter {
    type TokenStream<'a> = Pieces;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Pieces {
        Pieces { rest: (self.0)(text).into_iter(), token: Token::default() }
    }
}

impl TokenStream for Pieces {
    fn advance(&mut self) -> bool {
        let Some(piece) = self.rest.next() else { return false };
        self.token.offset_from = piece.start;
        self.token.offset_to = piece.end;
        self.token.position = piece.position as usize;
        self.token.text = piece.text;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
