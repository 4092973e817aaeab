#!/usr/bin/env python3
"""Adds members to a seeded database of a stopped server, who follow seed0, and some of whom ask to follow seed1.

Writes rows and counters without events: a million events would keep the activity store and the search index busy, and
the measurement is about neither. Standard library only.
Usage: crowd.py DATA_DIR FOLLOWERS REQUESTS
"""
import random, sqlite3, sys

DATA, FOLLOWERS, REQUESTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
MEMBER = """INSERT INTO members (id, email, email_key, handle, handle_key, password_hash, member_name, created_at,
    following_count) SELECT ?1, ?2, ?2, ?2, ?2, '', 'crowd', 0, 1"""


def id_of(database, number):
    found = database.execute("SELECT id FROM members WHERE email = ?", (f"seed{number}@example.com",)).fetchone()
    return found[0]


database = sqlite3.connect(f"{DATA}/dailyfeed.db")
star, closed = id_of(database, 0), id_of(database, 1)
# Ids below all others: a member's id orders nothing that is measured.
crowd = range(1, FOLLOWERS + 1)
database.executemany(MEMBER, ((id, f"crowd{id}") for id in crowd))
# Members do not follow in the order in which they signed up: the rows of neighbouring follows are far apart.
shuffled = random.Random(1).sample(crowd, len(crowd))
database.executemany(
    "INSERT INTO follows (id, follower_id, followee_id) VALUES (?, ?, ?)",
    ((id, follower, star) for id, follower in zip(crowd, shuffled)),
)
database.execute("UPDATE members SET follower_count = follower_count + ? WHERE id = ?", (FOLLOWERS, star))
database.executemany(
    "INSERT INTO follow_requests (id, requester_id, target_id) VALUES (?1 + ?3, ?1, ?2)",
    # A follow gets the id of its request, so these differ from the ids of the follows above.
    ((id, closed, FOLLOWERS) for id in crowd[:REQUESTS]),
)
database.execute("UPDATE members SET privacy = 1 WHERE id = ?", (closed,))
database.commit()
database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(f"{FOLLOWERS} followers, {REQUESTS} requests")
