//! `dailyfeed seed`: fills the stores with generated members, follows, posts and likes.
mod text;

use crate::{
    config::Config,
    domain::{
        Email, Handle, MemberId, Mention, Patch, Post, PostAudience, PostCounts, PostId, PostText, Profile,
        ProfilePatch, Refusal, Timestamp, first_id_at, markup,
    },
    storage::{Import, ImportedFollow, ImportedLike, NewMember, StoreError, Stores},
};
use argon2::{Argon2, PasswordHasher};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{collections::BTreeSet, time::Duration};

/// The password of every seeded member. Never seed a server that strangers can reach.
pub const PASSWORD: &str = "Passw0rd!";
/// Rows per commit.
const BATCH: usize = 5_000;
/// Days over which posts are spread: fewer than `timeline.window_days`, so that the window of feeds has all posts.
const DAYS: u64 = 28;
/// Exponent of the power law by which authors and followed members are chosen. At 2.5 the most popular tenth gets 40 %.
const UNEVENNESS: f64 = 2.5;

/// The options of `dailyfeed seed`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Members to create; their email addresses are seed0@example.com, seed1@example.com and so on
    #[arg(long, default_value_t = 1_000)]
    pub members: usize,
    /// Posts to create, spread over the last 28 days
    #[arg(long, default_value_t = 20_000)]
    pub posts: usize,
    /// Maximum likes of those posts to create; a repeated one counts once
    #[arg(long, default_value_t = 0)]
    pub likes: usize,
    /// Members that each member follows, on average
    #[arg(long, default_value_t = 30)]
    pub follows: usize,
    /// Let every member follow the first one, seed0
    #[arg(long)]
    pub celebrity: bool,
    /// Seed of the random numbers; the same one creates the same members, follows and texts
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// The reason why seeding fails.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The stores cannot be opened, for example because a server uses them.
    #[error("cannot open the stores")]
    Open(#[source] StoreError),
    /// A commit failed, most often because the stores were seeded before.
    #[error("cannot store the seed; was it seeded before?")]
    Store(#[from] StoreError),
    /// A rule refuses generated data: a bug of the generator.
    #[error("a generated text violates a rule")]
    Rule(#[from] Refusal),
    /// The password cannot be hashed.
    #[error("cannot hash the password")]
    Hash,
}

/// Fills the stores, prints the progress to standard error, and returns the totals as one line.
pub async fn run(config: &Config, options: &Options) -> Result<String, SeedError> {
    let stores = Stores::open(config).await.map_err(SeedError::Open)?;
    let mut random = StdRng::seed_from_u64(options.seed);
    let now = Timestamp::now();
    let begin = now.before(Duration::from_secs((DAYS + 1) * 86_400));
    let hash = Argon2::default().hash_password(PASSWORD.as_bytes()).map_err(|_| SeedError::Hash)?.to_string();
    let members = members(&mut random, options.members, begin, &hash)?;
    let names: Vec<(MemberId, String)> =
        members.iter().map(|member| (member.id, member.handle.as_str().to_owned())).collect();
    for batch in members.chunks(BATCH) {
        stores.housekeeping.import(Import { members: batch.to_vec(), ..Import::default() }).await?;
    }
    eprintln!("{} members", names.len());
    let follows = follows(&mut random, &names, options, begin);
    for batch in follows.chunks(BATCH * 4) {
        stores.housekeeping.import(Import { follows: batch.to_vec(), ..Import::default() }).await?;
    }
    eprintln!("{} follows", follows.len());
    let (mut made, mut liked) = (0, 0);
    while made < options.posts && !names.is_empty() {
        let until = (made + BATCH).min(options.posts);
        let posts: Result<Vec<Post>, SeedError> =
            (made..until).map(|number| post(&mut random, &names, number, options.posts, now)).collect();
        let posts = posts?;
        let wanted = options.likes * until / options.posts - options.likes * made / options.posts;
        let likes = likes(&mut random, &names, &posts, wanted);
        liked += likes.len();
        stores.housekeeping.import(Import { posts, likes, ..Import::default() }).await?;
        made = until;
        eprintln!("{made} of {} posts", options.posts);
    }
    Ok(format!(
        "{} members, {} follows, {made} posts, {liked} likes drawn; every password is {PASSWORD}",
        names.len(),
        follows.len()
    ))
}

/// Generates members, whose accounts are older than all posts.
fn members(random: &mut StdRng, count: usize, begin: Timestamp, hash: &str) -> Result<Vec<NewMember>, SeedError> {
    let invalid = |error| SeedError::Rule(Refusal::from(error));
    let one = |number: usize| {
        let (name, handle) = text::name(random, number);
        let created_at = begin.before(Duration::from_millis(2 * (count - number) as u64));
        let profile = ProfilePatch { member_name: Patch::Set(name), ..ProfilePatch::default() };
        Ok(NewMember {
            id: MemberId(first_id_at(created_at) + 1),
            email: Email::new(&format!("seed{number}@example.com")).map_err(invalid)?,
            handle: Handle::new(&handle).map_err(invalid)?,
            password_hash: hash.to_owned(),
            profile: Profile::new(profile).map_err(Refusal::from)?,
            created_at,
        })
    };
    (0..count).map(one).collect()
}

/// Draws the follows: a few members have many followers, most have few. No member follows another twice, or itself.
fn follows(
    random: &mut StdRng,
    members: &[(MemberId, String)],
    options: &Options,
    begin: Timestamp,
) -> Vec<ImportedFollow> {
    let each = options.follows.min(members.len().saturating_sub(1)).min(crate::domain::FOLLOWINGS_MAX);
    let mut follows = Vec::with_capacity(members.len() * each);
    let first = first_id_at(begin) + 2;
    for (follower, _) in members {
        let mut chosen = BTreeSet::new();
        let celebrity = members.first().map(|(first, _)| *first).filter(|_| options.celebrity);
        chosen.extend(celebrity.filter(|first| first != follower));
        // Popular members are drawn repeatedly, so there are up to eight draws per follow.
        for _ in 0..each * 8 {
            if chosen.len() >= each {
                break;
            }
            let (followee, _) = members[uneven(random, members.len())];
            if followee != *follower {
                chosen.insert(followee);
            }
        }
        for followee in chosen {
            let id = first + follows.len() as u64;
            follows.push(ImportedFollow { id, follower: *follower, followee });
        }
    }
    follows
}

/// Generates a post at its time within the last [`DAYS`].
fn post(
    random: &mut StdRng,
    members: &[(MemberId, String)],
    number: usize,
    total: usize,
    now: Timestamp,
) -> Result<Post, SeedError> {
    let (author, _) = members[uneven(random, members.len())];
    let (mentioned, handle) = &members[uneven(random, members.len())];
    let (title, content) = text::post(random, handle);
    let checked = PostText::new(title.as_deref(), &content)?;
    let found = markup::find(checked.content());
    let mention = |m: markup::PossibleMention| {
        let (handle, member) = (handle.clone(), *mentioned);
        Mention { handle, member, start: m.start, end: m.end }
    };
    let age = DAYS * 86_400_000 / total.max(1) as u64 * (total - number) as u64;
    let created_at = now.before(Duration::from_millis(age));
    Ok(Post {
        id: PostId(first_id_at(created_at) + (number as u64 & 0xFFF)),
        author,
        title: checked.title().map(str::to_owned),
        content: checked.content().to_owned(),
        audience: PostAudience::Public,
        tags: found.tags,
        mentions: found.possible_mentions.into_iter().map(mention).collect(),
        images: Vec::new(),
        counts: PostCounts::default(),
        created_at,
        edited_at: None,
    })
}

/// Draws likes, each right after its post. A few posts get most of them.
fn likes(random: &mut StdRng, members: &[(MemberId, String)], posts: &[Post], count: usize) -> Vec<ImportedLike> {
    let one = |number: usize| {
        let post = &posts[uneven(random, posts.len())];
        let id = first_id_at(post.created_at.after(Duration::from_millis(1))) + (number as u64 & 0xFFF);
        let member = members[random.random_range(0..members.len())].0;
        ImportedLike { id, post: post.id, author: post.author, member }
    };
    (0..count).map(one).collect()
}

/// Returns a random index below `count`; smaller indices are more likely ([`UNEVENNESS`]).
fn uneven(random: &mut StdRng, count: usize) -> usize {
    let fraction = random.random_range(0.0_f64..1.0).powf(UNEVENNESS);
    ((fraction * count as f64) as usize).min(count.saturating_sub(1))
}
