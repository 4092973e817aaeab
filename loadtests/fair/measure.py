#!/usr/bin/env python3
"""Measures over HTTP the latency of other members while one member sends the most expensive requests that limits allow.

Prints one JSON object: for each attack the p50, p99 and maximum of others' home feeds and posts in milliseconds, and
the statuses that the attacker received. Standard library only. Bounded in time and count; sends only to the given
address.
Usage: measure.py BASE SECONDS (BASE such as http://127.0.0.1:8080, seeded by `dailyfeed seed`, limits switched off)
"""
import collections, http.client, json, multiprocessing, sys, threading, time, urllib.parse

BASE, SECONDS = sys.argv[1], float(sys.argv[2])
HOST = BASE.removeprefix("http://")
OTHERS, SEARCHES, NETWORKS, UPLOADS = 4, 120, 150, 12
WORD = "한강"


def call(http_, token, method, path, body=None):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        body, headers["content-type"] = json.dumps(body), "application/json"
    http_.request(method, path, body=body, headers=headers)
    answer = http_.getresponse()
    return answer.status, answer.read()


def connect(timeout=60):
    return http.client.HTTPConnection(HOST, timeout=timeout)


def login(number):
    who = {"email": f"seed{number}@example.com", "password": "Passw0rd!"}
    status, body = call(connect(), None, "POST", "/api/authentication/login", who)
    assert status == 200, body
    return json.loads(body)["accessToken"]


def spread(samples):
    samples = sorted(samples)
    at = lambda q: round(samples[min(len(samples) - 1, int(len(samples) * q))] * 1000, 2)
    return {"n": len(samples), "p50": at(0.5), "p99": at(0.99), "max": at(1.0)} if samples else {"n": 0}


def burst(path, token, count, until, answers):
    """Keeps `count` requests of one member in progress until that time; runs in a process of its own."""
    statuses = collections.Counter()

    def ask():
        line = connect()
        while time.time() < until:
            try:
                status, _ = call(line, token, "GET", path)
                statuses[status] += 1
                # A refused client retries, a little sooner than Retry-After says.
                if status != 200:
                    time.sleep(0.5)
            except OSError as error:
                statuses[type(error).__name__] += 1
                line = connect()

    threads = [threading.Thread(target=ask) for _ in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    answers.put({str(status): number for status, number in sorted(statuses.items(), key=str)})


def drip(token, until):
    """Uploads one byte per second until that time."""
    edge = "x"
    head = f'--{edge}\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n'.encode()
    line = None
    while time.time() < until:
        try:
            if line is None:
                line = connect()
                line.putrequest("POST", "/api/images?purpose=post")
                line.putheader("authorization", f"Bearer {token}")
                line.putheader("content-type", f"multipart/form-data; boundary={edge}")
                line.putheader("content-length", "100000")
                line.endheaders(head)
            line.send(b"a")
        except OSError:
            line = None
        time.sleep(1)


def others(tokens, until):
    feeds, posts = [], []

    def work(token):
        line, number = connect(), 0
        while time.time() < until:
            number += 1
            begun = time.perf_counter()
            if number % 10 == 0:
                status, body = call(line, token, "POST", "/api/posts", {"content": f"{number}번째 글"})
                assert status in (201, 503), body
                posts.append(time.perf_counter() - begun)
            else:
                status, body = call(line, token, "GET", "/api/timeline/posts/followings?limit=20")
                assert status in (200, 503), body
                feeds.append(time.perf_counter() - begun)
            if status == 503:
                time.sleep(0.05)
            time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(token,)) for token in tokens]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return {"feed": spread(feeds), "post": spread(posts)}


def during(attack, tokens):
    """Returns the latencies of others during an attack, which begins half a second earlier."""
    answers = multiprocessing.Queue()
    begun = time.time()
    until = begun + 0.5 + SECONDS
    process = attack and multiprocessing.Process(target=burst, args=(*attack, until, answers))
    if process:
        process.start()
    time.sleep(0.5)
    measured = others(tokens, until)
    if process:
        measured["statuses"] = answers.get(timeout=120)
        process.join()
    return measured


def uploads(tokens, other):
    """Returns the seconds that an upload takes while other members upload slowly."""
    until = time.time() + 90
    for number in range(UPLOADS):
        args = (tokens[number % len(tokens)], until)
        threading.Thread(target=drip, args=args, daemon=True).start()
    time.sleep(2)
    png = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082")
    form = b'--y\r\ncontent-disposition: form-data; name="image"\r\n\r\n' + png + b"\r\n--y--\r\n"
    begun = time.time()
    while True:
        line = connect()
        headers = {"authorization": f"Bearer {other}", "content-type": "multipart/form-data; boundary=y"}
        line.request("POST", "/api/images?purpose=post", body=form, headers=headers)
        status = line.getresponse().status
        if status == 201 or time.time() - begun > 80:
            return round(time.time() - begun, 2)
        time.sleep(0.2)


def main():
    attacker, tokens = login(0), [login(number) for number in range(1, 1 + OTHERS)]
    line = connect()
    for number in range(100):
        text = f"{number} {WORD} " + "가나다라 마바사 " * 550
        assert call(line, attacker, "POST", "/api/posts", {"content": text[:5000]})[0] == 201
    search = "/api/search/posts?limit=100&q=" + urllib.parse.quote(WORD)
    while len(json.loads(call(line, attacker, "GET", search)[1])["items"]) < 100:
        time.sleep(0.2)
    figures = {"alone": during(None, tokens)}
    figures["searches"] = during((search, attacker, SEARCHES), tokens)
    network = "/api/members/recommendations?strategy=network&limit=100"
    figures["network"] = during((network, attacker, NETWORKS), tokens)
    figures["uploadSeconds"] = uploads([login(number) for number in (5, 6, 7)], tokens[0])
    print(json.dumps(figures))


main()
