#!/usr/bin/env python3
"""Adds to the databases of a seeded, stopped server the rows that `measure.py` reads: for seed0 10,000 blocks; on the
newest posts comments, and on every fifth of those in seed0's feed 2,000 likes; for seed1 10,000 notifications (5,000
likes of own posts, 3,000 comments on them, 2,000 mentions in as many posts of others). Standard library only.
Usage: prepare.py FOLDER
"""
import random, sqlite3, sys

FOLDER = sys.argv[1]
random.seed(1)
main = sqlite3.connect(f"{FOLDER}/dailyfeed.db")
activity = sqlite3.connect(f"{FOLDER}/activity.db")
rows = lambda sql, *args: [row[0] for row in main.execute(sql, args)]
member = lambda number: rows("SELECT id FROM members WHERE email = ?", f"seed{number}@example.com")[0]
viewer, notified = member(0), member(1)
members = rows("SELECT id FROM members ORDER BY id")
followed = set(rows("SELECT followee_id FROM follows WHERE follower_id = ?", viewer)) | {viewer, notified}
followed |= {member(number) for number in range(2, 8)}
largest = max(rows(f"SELECT coalesce(max(id), 0) FROM {table}")[0] for table in
              ("members", "posts", "post_likes", "comments", "follows"))


def id_():
    global largest
    largest += 1
    return largest


blocked = [other for other in members if other not in followed][:10_000]
assert len(blocked) == 10_000, len(blocked)
main.executemany("INSERT INTO blocks (id, member_id, blocked_id) VALUES (?, ?, ?)",
                 [(id_(), viewer, other) for other in blocked])


def comment(post, author):
    new = id_()
    main.execute("INSERT INTO comments (id, post_id, depth, author_id, content, created_at) VALUES (?, ?, 0, ?, ?, 1)",
                 (new, post, author, "댓글입니다. " * 10))
    main.execute("UPDATE posts SET comment_count = comment_count + 1 WHERE id = ?", (post,))
    return new


feed = rows("SELECT p.id FROM posts p JOIN follows f ON f.followee_id = p.author_id WHERE f.follower_id = ? "
            "AND p.deleted_at IS NULL ORDER BY p.id DESC LIMIT 300", viewer)
newest = rows("SELECT id FROM posts WHERE deleted_at IS NULL ORDER BY id DESC LIMIT 2000")
for post in sorted(set(feed) | set(newest)):
    for author in random.sample(members, 5):
        comment(post, author)
for post in feed[::5]:
    likes = [(id_(), post, liker) for liker in random.sample(members, 2_000)]
    main.executemany("INSERT INTO post_likes (id, post_id, member_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", likes)
    main.execute("UPDATE posts SET like_count = (SELECT count(*) FROM post_likes WHERE post_id = posts.id) "
                 "WHERE id = ?", (post,))

own = rows("SELECT id FROM posts WHERE author_id = ? AND deleted_at IS NULL LIMIT 200", notified)
others = rows("SELECT id FROM posts WHERE author_id <> ? AND deleted_at IS NULL ORDER BY id LIMIT 2000", notified)
assert own and len(others) == 2_000
actors = [other for other in members if other != notified]
notifications = []
for number in range(5_000):
    notifications.append((1, actors[number % len(actors)], own[number % len(own)], None))
for number in range(3_000):
    author, post = actors[number * 3 % len(actors)], own[number % len(own)]
    notifications.append((3, author, post, comment(post, author)))
for post in others:
    author = rows("SELECT author_id FROM posts WHERE id = ?", post)[0]
    notifications.append((5, author, post, None))
random.shuffle(notifications)
activity.execute("DELETE FROM notifications WHERE member_id = ?", (notified,))
taken = {row[0] for row in activity.execute("SELECT id FROM notifications")}
free = (number for number in range(1, 10_000_000) if number not in taken)
activity.executemany("INSERT INTO notifications (id, member_id, kind, actor_id, post_id, comment_id, at) "
                     "VALUES (?, ?, ?, ?, ?, ?, 1)",
                     [(next(free), notified, kind, actor, post, comment_)
                      for kind, actor, post, comment_ in notifications])
# The store needs none of the seed's events.
activity.execute("UPDATE reader SET position = ?", (rows("SELECT max(position) FROM events")[0],))
main.commit()
activity.commit()
print(f"{len(feed)} posts in the feed, {len(own)} own posts")
