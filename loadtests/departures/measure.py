#!/usr/bin/env python3
"""Measures over HTTP the waits of other members while seed0 leaves and returns, and while seed1 makes the posts public.

Prints one JSON object: for each phase the p50, p99 and maximum of others' home feeds and writes in milliseconds, their
failures, the seconds until the counters of all rows had followed, and the drift that `dailyfeed audit` found after it.
Standard library only. Bounded in time and count; sends only to the given address.
Usage: measure.py BASE DATA_DIR BINARY (BASE such as http://127.0.0.1:8080; data of `seed` and `crowd.py`, limits off)
"""
import collections, http.client, json, sqlite3, subprocess, sys, threading, time

BASE, DATA, BINARY = sys.argv[1:]
HOST = BASE.removeprefix("http://")
OTHERS, PASSWORD, LONGEST = 4, "Passw0rd!", 1_800


def call(line, token, method, path, body=None):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        body, headers["content-type"] = json.dumps(body), "application/json"
    line.request(method, path, body=body, headers=headers)
    answer = line.getresponse()
    return answer.status, answer.read()


def connect(timeout=120):
    return http.client.HTTPConnection(HOST, timeout=timeout)


def login(number):
    """Logs in, and again if the answer was late: the commit may have happened all the same."""
    who = {"email": f"seed{number}@example.com", "password": PASSWORD}
    until = time.time() + LONGEST
    while True:
        status, body = call(connect(), None, "POST", "/api/authentication/login", who)
        if status == 200:
            return json.loads(body)["accessToken"]
        assert status in (503, 504) and time.time() < until, body
        time.sleep(0.5)


def spread(samples):
    samples = sorted(samples)
    at = lambda q: round(samples[min(len(samples) - 1, int(len(samples) * q))] * 1000, 2)
    return {"n": len(samples), "p50": at(0.5), "p99": at(0.99), "max": at(1.0)} if samples else {"n": 0}


class Others:
    """Members who read their home feed, post and like, one request after another, until they are stopped."""

    def __init__(self, tokens):
        self.feeds, self.writes, self.failures = [], [], collections.Counter()
        self.running = True
        self.threads = [threading.Thread(target=self.work, args=(token,), daemon=True) for token in tokens]
        [thread.start() for thread in self.threads]

    def work(self, token):
        line, number = connect(), 0
        post = json.loads(call(line, token, "GET", "/api/timeline/posts/followings?limit=1")[1])["items"][0]["id"]
        # Daemon threads: an error of the main thread ends the program.
        while self.running:
            number += 1
            begun = time.perf_counter()
            try:
                if number % 4 == 0:
                    status, _ = call(line, token, "POST", "/api/posts", {"content": f"{number}번째 글"})
                elif number % 4 == 2:
                    status, _ = call(line, token, "PUT" if number % 8 == 2 else "DELETE", f"/api/posts/{post}/like")
                else:
                    status, _ = call(line, token, "GET", "/api/timeline/posts/followings?limit=20")
                if status >= 400:
                    self.failures[status] += 1
            except OSError as error:
                self.failures[type(error).__name__] += 1
                line = connect()
            (self.feeds if number % 2 else self.writes).append(time.perf_counter() - begun)
            time.sleep(0.005)

    def stop(self):
        self.running = False
        [thread.join() for thread in self.threads]
        return {"feed": spread(self.feeds), "write": spread(self.writes), "failures": sum(self.failures.values()),
                "statuses": {str(status): count for status, count in self.failures.items()}}


def value(select):
    database = sqlite3.connect(f"file:{DATA}/dailyfeed.db?mode=ro", uri=True, timeout=30)
    try:
        return database.execute(select).fetchone()[0]
    finally:
        database.close()


def drift():
    audit = subprocess.run([BINARY, "audit"], capture_output=True, text=True)
    return audit.stdout.strip() or audit.stderr.strip()


def change(token, method, path, body):
    status, answer = call(connect(), token, method, path, body)
    # A late answer: the commit may still happen.
    assert status in (200, 204, 503, 504), answer


def during(tokens, change, settled):
    """Returns the waits of others during a change, from a second before it to a second after it has settled."""
    others = Others(tokens)
    time.sleep(1)
    begun = time.time()
    change()
    answered = time.time()
    while not settled():
        assert time.time() < begun + LONGEST
        time.sleep(0.05)
    seconds = time.time() - begun
    time.sleep(1)
    figures = others.stop()
    print(f"settled after {seconds:.1f} s", file=sys.stderr)
    return figures | {"answered": round(answered - begun, 3), "settled": round(seconds, 2), "drift": drift()}


def main():
    star, closed = login(0), login(1)
    tokens = [login(number) for number in range(2, 2 + OTHERS)]
    tables = value("SELECT count(*) FROM sqlite_master WHERE name IN ('departures', 'acceptances')")
    still_open = "SELECT (SELECT count(*) FROM departures) + (SELECT count(*) FROM acceptances)"
    is_settled = lambda select, wanted: value(select) == wanted and (tables == 0 or value(still_open) == 0)
    # Some follower; before there were steps, all of them changed in one commit.
    counted = "SELECT following_count FROM members WHERE handle = 'crowd1'"
    leave = lambda: change(star, "DELETE", "/api/authentication/deactivate", {"password": PASSWORD})
    go_public = lambda: change(closed, "PATCH", "/api/members/me", {"privacy": "PUBLIC"})
    requests = "SELECT count(*) FROM follow_requests"
    alone = Others(tokens)
    time.sleep(10)
    figures = {"alone": alone.stop() | {"drift": drift()}}
    figures["public"] = during(tokens, go_public, lambda: is_settled(requests, 0))
    # The followers who asked to follow seed1 follow two members now.
    with_star = value(counted)
    figures["leave"] = during(tokens, leave, lambda: is_settled(counted, with_star - 1))
    figures["return"] = during(tokens, lambda: login(0), lambda: is_settled(counted, with_star))
    print(json.dumps(figures))


main()
