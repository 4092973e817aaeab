//! Counters agree with their rows after commands in any order.
use super::{Backend, Tampering, fixtures::remark, id, member, post};
use crate::{
    domain::{Comment, MemberId, PostId, RelationChange, Timestamp},
    storage::{Drift, Stores, View},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

conformance! {
    no_order_of_commands_makes_a_counter_drift,
    the_audit_finds_a_wrong_counter,
}

/// The targets of the commands so far, including deleted ones.
struct Population {
    members: Vec<MemberId>,
    posts: Vec<(PostId, MemberId)>,
    comments: Vec<Comment>,
}

/// Runs one random command. A refusal is expected and must change nothing.
async fn run_command(stores: &Stores, population: &mut Population, random: &mut StdRng) {
    let who = population.members[random.random_range(0..population.members.len())];
    let whom = population.members[random.random_range(0..population.members.len())];
    let post_at = random.random_range(0..population.posts.len());
    let (on, author) = population.posts[post_at];
    let now = Timestamp::now();
    match random.random_range(0..17) {
        0 | 1 => drop(stores.relations.follow(id(), who, whom).await),
        2 => drop(stores.relations.change_relation(RelationChange::Unfollow, who, whom).await),
        3 => population.posts.push((post(stores, who, "글 #하나").await, who)),
        4 => drop(stores.posts.delete_post(author, on, now).await),
        5 | 6 => drop(stores.likes.like_post(id(), who, on, random.random_range(0..3) > 0).await),
        7 => {
            drop(stores.views.count_views(vec![View { post: on, viewer: who, hour: random.random_range(0..3) }]).await)
        }
        8..=10 => {
            let parent = (!population.comments.is_empty()).then(|| random.random_range(0..population.comments.len()));
            let parent = parent.map(|at| population.comments[at].clone());
            let parent = parent.filter(|parent| parent.depth < 2 && random.random_range(0..3) > 0);
            let comment = remark(who, parent.as_ref().map_or(on, |parent| parent.post), parent.as_ref());
            if stores.comments.create_comment(comment.clone(), None).await.is_ok() {
                population.comments.push(comment);
            }
        }
        11 if !population.comments.is_empty() => {
            let comment = &population.comments[random.random_range(0..population.comments.len())];
            drop(stores.comments.delete_comment(comment.author, comment.id, now).await);
            drop(stores.likes.like_comment(id(), who, comment.id, random.random_range(0..3) > 0).await);
        }
        12 if random.random_bool(0.5) => drop(stores.members.deactivate(who, now).await),
        // Refused if the member is deactivated already.
        12 => drop(stores.departures.begin_to_leave(who).await),
        13 | 14 => stores.departures.begin_to_return(who).await.unwrap(),
        15 => drop(stores.departures.take_step(whom, 3).await.unwrap()),
        _ => drop(stores.members.restore(who).await),
    }
}

async fn no_order_of_commands_makes_a_counter_drift(backend: &Backend) {
    for seed in 0..4 {
        let backend = (backend.another)();
        let stores = backend.stores().await;
        let mut random = StdRng::seed_from_u64(seed);
        let mut population = Population { members: Vec::new(), posts: Vec::new(), comments: Vec::new() };
        for number in 0..6 {
            let who = member(&stores, &format!("member{number}")).await;
            population.members.push(who);
            population.posts.push((post(&stores, who, "글").await, who));
        }
        for _ in 0..300 {
            run_command(&stores, &mut population, &mut random).await;
        }
        assert_eq!(stores.housekeeping.audit().await.unwrap(), [], "seed {seed}");
        assert!(population.comments.len() > 10 && population.posts.len() > 10, "too few commands were accepted");
    }
}

async fn the_audit_finds_a_wrong_counter(backend: &Backend) {
    let stores = backend.stores().await;
    let who = member(&stores, "victim").await;
    post(&stores, who, "글").await;
    (backend.tamper)(Tampering::SpoilCounter("posts.like_count")).await;
    assert_eq!(stores.housekeeping.audit().await.unwrap(), [Drift { counter: "posts.like_count", rows: 1 }]);
}
