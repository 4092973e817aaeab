#!/usr/bin/env python3
"""Measures reads whose cost used to grow with what others did: counts for a viewer with 10,000 blocks, unread counts and
groups of 10,000 notifications. Each alone; and with four clients, while four other members read their home feeds (from
memory) and two of them comments (from the database).

Prints one JSON object. Standard library only; sends only to the given address.
Usage: measure.py BASE SECONDS PID (BASE of a server on data of `prepare.py`, limits switched off; PID of the server)
"""
import http.client, json, os, sys, threading, time

BASE, SECONDS, PID = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
HOST = BASE.removeprefix("http://")
OTHERS = range(2, 6)


def connect():
    return http.client.HTTPConnection(HOST, timeout=60)


def call(line, token, method, path, body=None):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        body, headers["content-type"] = json.dumps(body), "application/json"
    line.request(method, path, body=body, headers=headers)
    answer = line.getresponse()
    return answer.status, answer.read()


def login(number):
    who = {"email": f"seed{number}@example.com", "password": "Passw0rd!"}
    status, body = call(connect(), None, "POST", "/api/authentication/login", who)
    assert status == 200, body
    return json.loads(body)["accessToken"]


def spread(samples, seconds):
    samples = sorted(samples)
    at = lambda q: round(samples[min(len(samples) - 1, int(len(samples) * q))] * 1000, 2)
    return {"perSecond": round(len(samples) / seconds, 1), "p50": at(0.5), "p99": at(0.99), "max": at(1.0)}


def ask(token, path, until, samples, statuses, pause=0.0):
    line = connect()
    while time.time() < until:
        begun = time.perf_counter()
        status, _ = call(line, token, "GET", path)
        samples.append(time.perf_counter() - begun)
        statuses[status] = statuses.get(status, 0) + 1
        time.sleep(0.05 if status != 200 else pause)


def run(jobs, seconds):
    """Runs (name, token, path, pause) at once; returns the latencies by name."""
    until, found, threads = time.time() + seconds, {}, []
    for name, token, path, pause in jobs:
        samples, statuses = found.setdefault(name, ([], {}))
        threads.append(threading.Thread(target=ask, args=(token, path, until, samples, statuses, pause)))
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return {name: {**spread(samples, seconds), "statuses": statuses} for name, (samples, statuses) in found.items()}


def cpu():
    with open(f"/proc/{PID}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stream_cost(viewer, liker, posts):
    """CPU seconds of the server per second while somebody likes and unlikes a post in turn, 50 times a second, with a
    stream of the viewer open if there is one."""
    line = connect()
    if viewer:
        stream = connect()
        stream.request("GET", "/api/timeline/stream", headers={"authorization": f"Bearer {viewer}", "accept": "text/event-stream"})
        answer = stream.getresponse()
        assert answer.status == 200, answer.status
        threading.Thread(target=lambda: answer.read(), daemon=True).start()
        call(line, viewer, "GET", "/api/timeline/posts/followings?limit=100")
    begun, number, until = cpu(), 0, time.time() + SECONDS
    while time.time() < until:
        post = posts[number // 2 % len(posts)]
        status, body = call(line, liker, "PUT" if number % 2 == 0 else "DELETE", f"/api/posts/{post}/like")
        assert status in (200, 204), body
        number += 1
        time.sleep(0.02)
    used = cpu() - begun
    if viewer:
        stream.sock and stream.sock.close()
    return round(used / SECONDS, 3)


def main():
    viewer, notified = login(0), login(1)
    tokens = [login(number) for number in OTHERS]
    others = [("others", token, "/api/timeline/posts/followings?limit=20", 0.005) for token in tokens]
    feed = "/api/timeline/posts/followings?limit=100"
    line = connect()
    posts = [item["id"] for item in json.loads(call(line, viewer, "GET", feed)[1])["items"]]
    assert len(posts) == 100
    liker = tokens[0]
    others += [("comments", token, f"/api/posts/{posts[-1]}/comments", 0.005) for token in tokens[:2]]
    popular = max(json.loads(call(line, viewer, "GET", feed)[1])["items"], key=lambda item: item["likeCount"])["id"]
    figures = {"alone": run(others, SECONDS)}
    reads = {
        "feed": (viewer, feed),
        "post": (viewer, f"/api/posts/{popular}"),
        "unread": (notified, "/api/notifications/unread-count"),
        "groups": (notified, "/api/notifications?group=true&limit=20"),
    }
    status, body = call(line, notified, "GET", reads["unread"][1])
    figures["unreadCount"] = json.loads(body)
    for name, (token, path) in reads.items():
        figures[name] = run([(name, token, path, 0.0)], SECONDS)
        figures[f"{name}AndOthers"] = run([(name, token, path, 0.0)] * 4 + others, SECONDS)
    figures["network"] = run([("network", viewer, "/api/members/recommendations?strategy=network&limit=100", 0.0)], SECONDS)
    figures["cpu"] = {"likesOnly": stream_cost(None, liker, posts), "withStream": stream_cost(viewer, liker, posts)}
    print(json.dumps(figures))


main()
