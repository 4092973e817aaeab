//! The schema of an index: its fields, and the document of a post, comment or member.
use crate::{
    domain::{
        Comment, Member, Post, PostAudience, SearchKind,
        search::{Token as DomainToken, syllables, tokenize},
    },
    storage::CommentedPost,
};
use tantivy::{
    Index, TantivyDocument, Term,
    schema::{FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer},
};

/// Incremented whenever the fields or their contents change: an index of another version is built anew.
pub(super) const SCHEMA_VERSION: u32 = 4;
/// Names of the tokenizers. Stored in the schema of each index, so a change needs another [`SCHEMA_VERSION`].
const WORD_TOKENIZER: &str = "pieces";
const SYLLABLE_TOKENIZER: &str = "syllables";

/// The text fields of one kind. Each kind has its own, so that a search reads no postings of the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextFields {
    /// Tokens of all texts, with positions.
    pub(super) all: Field,
    /// Tokens of the texts that weigh more: a title, a name.
    pub(super) title: Field,
    /// Single syllables of all texts, without positions.
    pub(super) syllables: Field,
}

/// The fields of the schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// Id and kind in one number: see the function `key`.
    pub(super) key: Field,
    pub(super) author: Field,
    /// The post that a comment is on.
    pub(super) post: Field,
    /// The author of that post.
    post_author: Field,
    /// Milliseconds since 1970.
    pub(super) created: Field,
    pub(super) tag: Field,
    /// The code of the audience of a post, or of the post that a comment is on; absent if that is public.
    audience: Field,
    /// The members whom a post mentions that is for the mentioned. The comments on it do not repeat them, because edits
    /// change them.
    pub(super) mentioned: Field,
    posts: TextFields,
    comments: TextFields,
    members: TextFields,
}

impl Fields {
    pub(super) fn texts(&self, kind: SearchKind) -> &TextFields {
        match kind {
            SearchKind::Post => &self.posts,
            SearchKind::Comment => &self.comments,
            SearchKind::Member => &self.members,
        }
    }

    /// Makes the schema and its fields.
    pub(super) fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let text = |tokenizer, record, norms| {
            let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(record);
            TextOptions::default().set_indexing_options(indexing.set_fieldnorms(norms))
        };
        let words = text(WORD_TOKENIZER, IndexRecordOption::WithFreqsAndPositions, true);
        let single = text(SYLLABLE_TOKENIZER, IndexRecordOption::Basic, false);
        let mut texts = |name: &str| TextFields {
            all: schema.add_text_field(name, words.clone()),
            title: schema.add_text_field(&format!("{name}_title"), words.clone()),
            syllables: schema.add_text_field(&format!("{name}_syllables"), single.clone()),
        };
        let (posts, comments, members) = (texts("post"), texts("comment"), texts("member"));
        let fields = Self {
            key: schema.add_u64_field("key", INDEXED | FAST),
            author: schema.add_u64_field("author", INDEXED | FAST),
            post: schema.add_u64_field("on", INDEXED | FAST),
            post_author: schema.add_u64_field("on_author", FAST),
            created: schema.add_i64_field("created", FAST),
            tag: schema.add_text_field("tag", STRING),
            audience: schema.add_u64_field("audience", FAST),
            mentioned: schema.add_u64_field("mentioned", INDEXED),
            posts,
            comments,
            members,
        };
        (schema.build(), fields)
    }

    pub(super) fn post(&self, post: &Post) -> TantivyDocument {
        let mut document = self.document(SearchKind::Post, post.id.0, post.author.0, post.created_at.0);
        let title = post.title.as_deref().unwrap_or_default();
        self.add_texts(&mut document, SearchKind::Post, &[title], &[&post.content]);
        for tag in &post.tags {
            document.add_text(self.tag, &tag.tag);
        }
        self.add_audience(&mut document, post.audience);
        if post.audience == PostAudience::Mentioned {
            post.mentions.iter().for_each(|mention| document.add_u64(self.mentioned, mention.member.0));
        }
        document
    }

    pub(super) fn comment(&self, comment: &Comment, on: CommentedPost) -> TantivyDocument {
        let author = comment.author.0;
        let mut document = self.document(SearchKind::Comment, comment.id.0, author, comment.created_at.0);
        document.add_u64(self.post, comment.post.0);
        document.add_u64(self.post_author, on.author.0);
        self.add_audience(&mut document, on.audience);
        self.add_texts(&mut document, SearchKind::Comment, &[], &[&comment.content]);
        document
    }

    pub(super) fn member(&self, member: &Member) -> TantivyDocument {
        let mut document = self.document(SearchKind::Member, member.id.0, member.id.0, member.created_at.0);
        let profile = &member.profile;
        let names = [&member.handle, profile.shown_name(), &profile.member_name];
        self.add_texts(&mut document, SearchKind::Member, &names, &[profile.bio.as_deref().unwrap_or_default()]);
        document
    }

    fn document(&self, kind: SearchKind, id: u64, author: u64, created: i64) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_u64(self.key, key(kind, id));
        document.add_u64(self.author, author);
        document.add_i64(self.created, created);
        document
    }

    fn add_audience(&self, document: &mut TantivyDocument, audience: PostAudience) {
        if audience != PostAudience::Public {
            document.add_u64(self.audience, u64::from(audience.code()));
        }
    }

    fn add_texts(&self, document: &mut TantivyDocument, kind: SearchKind, titles: &[&str], texts: &[&str]) {
        let fields = self.texts(kind);
        for title in titles.iter().filter(|title| !title.is_empty()) {
            document.add_text(fields.title, title);
        }
        for text in titles.iter().chain(texts).filter(|text| !text.is_empty()) {
            document.add_text(fields.all, text);
            document.add_text(fields.syllables, text);
        }
    }

    /// Returns the term that identifies one document.
    pub(super) fn key_term(&self, kind: SearchKind, id: u64) -> Term {
        Term::from_field_u64(self.key, key(kind, id))
    }
}

/// Puts the kind below the 53 bits of the id, so that the keys of one kind are in the order of their ids.
fn key(kind: SearchKind, id: u64) -> u64 {
    id << 2 | kind as u64
}

/// Returns the id of a key, if the key is of that kind.
pub(super) fn id_of(key: u64, kind: SearchKind) -> Option<u64> {
    (key & 3 == kind as u64).then_some(key >> 2)
}

/// Registers the tokenizers that the schema names.
pub(super) fn register_tokenizers(index: &Index) {
    index.tokenizers().register(WORD_TOKENIZER, TextAnalyzer::builder(DomainTokenizer(tokenize)).build());
    index.tokenizers().register(SYLLABLE_TOKENIZER, TextAnalyzer::builder(DomainTokenizer(syllables)).build());
}

/// A function of `domain::search` as a Tantivy tokenizer.
#[derive(Clone)]
struct DomainTokenizer(fn(&str) -> Vec<DomainToken>);

struct DomainTokens {
    rest: std::vec::IntoIter<DomainToken>,
    token: Token,
}

impl Tokenizer for DomainTokenizer {
    type TokenStream<'a> = DomainTokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> DomainTokens {
        DomainTokens { rest: (self.0)(text).into_iter(), token: Token::default() }
    }
}

impl TokenStream for DomainTokens {
    fn advance(&mut self) -> bool {
        let Some(next) = self.rest.next() else { return false };
        self.token.offset_from = next.start;
        self.token.offset_to = next.end;
        self.token.position = next.position as usize;
        self.token.text = next.text;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
