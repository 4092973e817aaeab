#!/usr/bin/env python3
"""Measures home feeds of four members over HTTP, 50 a second each, while each of them holds an open stream.

Prints one JSON object: number, p50, p99 and maximum in milliseconds. A request counts from the time at which it is due,
so that a slow response is not hidden. Standard library only.
Usage: measure.py BASE SECONDS (BASE such as http://127.0.0.1:8080, seeded by `dailyfeed seed`, limits switched off)
"""
import http.client, json, multiprocessing, sys, threading, time

BASE, SECONDS = sys.argv[1], float(sys.argv[2])
HOST = BASE.removeprefix("http://")
MEMBERS, RATE = 4, 50


def login(number):
    who = json.dumps({"email": f"seed{number}@example.com", "password": "Passw0rd!"})
    for _ in range(60):
        http_ = http.client.HTTPConnection(HOST, timeout=60)
        http_.request("POST", "/api/authentication/login", body=who, headers={"content-type": "application/json"})
        answer = http_.getresponse()
        body = answer.read()
        if answer.status != 503:
            break
        time.sleep(1)  # busy with the seed
    assert answer.status == 200, body
    return {"authorization": f"Bearer {json.loads(body)['accessToken']}"}


def hold_stream(token):
    """Opens a stream and reads it in the background until the process ends."""
    http_ = http.client.HTTPConnection(HOST, timeout=60)
    http_.request("GET", "/api/timeline/stream", headers=token | {"accept": "text/event-stream"})
    answer = http_.getresponse()
    assert answer.status == 200, answer.read()
    answer.fp.readline()

    def read():
        try:
            while answer.fp.readline():
                pass
        except OSError:
            pass

    threading.Thread(target=read, daemon=True).start()


def read_feeds(number):
    token = login(number)
    hold_stream(token)
    http_ = http.client.HTTPConnection(HOST, timeout=60)
    samples, begun = [], time.perf_counter()
    for step in range(int(SECONDS * RATE)):
        due = begun + step / RATE
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
            due = time.perf_counter()
        http_.request("GET", "/api/timeline/posts/followings?limit=20", headers=token)
        answer = http_.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        samples.append(time.perf_counter() - due)
    return samples


if __name__ == "__main__":
    with multiprocessing.Pool(MEMBERS) as pool:
        samples = sorted(sum(pool.map(read_feeds, range(100, 100 + MEMBERS)), []))
    at = lambda q: round(samples[min(len(samples) - 1, int(len(samples) * q))] * 1000, 2)
    print(json.dumps({"n": len(samples), "p50": at(0.5), "p99": at(0.99), "max": at(1.0)}))
