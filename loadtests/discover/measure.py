#!/usr/bin/env python3
"""Measures one running server over HTTP: search, post to searchable, notification latency, ranked feeds, images.

Prints one JSON object. Standard library only. The load is bounded in count; sends only to the given address.
Usage: measure.py BASE PID (BASE such as http://127.0.0.1:8080, seeded by `dailyfeed seed`; PID of the server)
"""
import http.client, json, random, statistics, struct, sys, threading, time, urllib.parse, zlib

BASE, PID = sys.argv[1], sys.argv[2]
HOST = BASE.removeprefix("http://")
QUERIES, SEARCHERS = 4000, 8
random.seed(7)


class Client:
    """One kept-alive connection of one member."""

    def __init__(self, token=None):
        self.http, self.token = http.client.HTTPConnection(HOST, timeout=30), token

    def call(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        if isinstance(body, dict):
            body, headers["content-type"] = json.dumps(body), "application/json"
        self.http.request(method, path, body=body, headers=headers)
        answer = self.http.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:300]!r}")
        return answer, json.loads(data) if data else None


def login(number):
    who = {"email": f"seed{number}@example.com", "password": "Passw0rd!"}
    _, session = Client().call("POST", "/api/authentication/login", who)
    return Client(session["accessToken"]), session["member"]["id"]


def spread(samples):
    samples = sorted(samples)
    at = lambda q: round(samples[min(len(samples) - 1, int(len(samples) * q))] * 1000, 2)
    return {"n": len(samples), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)}


def peak_kib():
    with open(f"/proc/{PID}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def many(count, workers, work):
    """Runs work(client, number) `count` times on `workers` threads, and returns the samples and the total time."""
    samples, lock, todo = [], threading.Lock(), iter(range(count))

    def run(worker):
        client, _ = login(worker)
        while True:
            with lock:
                number = next(todo, None)
            if number is None:
                return
            begun = time.perf_counter()
            work(client, number)
            with lock:
                samples.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(workers)]
    begun = time.perf_counter()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return samples, time.perf_counter() - begun


WORDS = ["한강", "자전거", "서점", "제주도", "커피", "키보드", "러스트", "서버", "빵집", "한글", "영화", "데이터베이스",
         "바람", "사진", "재미", "친구", "아침", "주말", "오늘", "과학적인"]


def search(sort):
    def work(client, _):
        words = urllib.parse.quote(" ".join(random.sample(WORDS, 2)))
        client.call("GET", f"/api/search/posts?q={words}&sort={sort}&limit=20")
    samples, took = many(QUERIES, SEARCHERS, work)
    return {**spread(samples), "perSecond": round(QUERIES / took)}


def one_search():
    """Sends searches one at a time: the cost of one search."""
    client, _ = login(3)
    samples = []
    for _ in range(500):
        words = urllib.parse.quote(" ".join(random.sample(WORDS, 2)))
        begun = time.perf_counter()
        client.call("GET", f"/api/search/posts?q={words}&limit=20")
        samples.append(time.perf_counter() - begun)
    return spread(samples)


def searchable():
    (writer, _), (reader, _) = login(1), login(2)
    samples = []
    for number in range(60):
        word = f"zq{number}x{random.randrange(1 << 40):x}"
        begun = time.perf_counter()
        writer.call("POST", "/api/posts", {"content": f"찾기 {word}"})
        while not reader.call("GET", f"/api/search/posts?q={word}")[1]["items"]:
            if time.perf_counter() - begun > 10:
                raise RuntimeError("not searchable within 10 s")
            time.sleep(0.005)
        samples.append(time.perf_counter() - begun)
    return spread(samples)


def notified():
    (author, _), (fan, _) = login(4), login(5)
    stream = http.client.HTTPConnection(HOST, timeout=30)
    stream.request("GET", "/api/timeline/stream", headers={"authorization": f"Bearer {author.token}"})
    lines, samples = stream.getresponse(), []

    def until(name, key):
        """Reads until an event of that name, and of that post if `key` is set."""
        event = ""
        while True:
            line = lines.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: ") and event == name and (not key or json.loads(line[6:]).get("postId") == key):
                return

    until("ready", None)
    for _ in range(200):
        _, post = author.call("POST", "/api/posts", {"content": "좋아요를 기다리는 글"})
        begun = time.perf_counter()
        fan.call("PUT", f"/api/posts/{post['id']}/like")
        until("notification", post["id"])
        samples.append(time.perf_counter() - begun)
    stream.close()
    return spread(samples)


def ranked(kind):
    client, _ = login(6)
    samples = []
    for _ in range(500):
        begun = time.perf_counter()
        client.call("GET", f"/api/timeline/posts/{kind}?window=all&limit=20")
        samples.append(time.perf_counter() - begun)
    return spread(samples)


def feed_while_ranking():
    """Reads the home feed while likes change every ranking: the cost of generations for readers."""
    stop, (liker, _), (reader, _) = threading.Event(), login(7), login(8)
    _, page = liker.call("GET", "/api/timeline/posts/recent?limit=100")
    posts = [post["id"] for post in page["items"]]

    def like():
        number = 0
        while not stop.is_set():
            method = "PUT" if number // len(posts) % 2 == 0 else "DELETE"
            liker.call(method, f"/api/posts/{posts[number % len(posts)]}/like")
            number += 1
            if number % 50 == 0:
                liker.call("GET", "/api/timeline/posts/most-popular?window=all")
    thread = threading.Thread(target=like)
    thread.start()
    samples, end = [], time.perf_counter() + 20
    while time.perf_counter() < end:
        begun = time.perf_counter()
        reader.call("GET", "/api/timeline/posts/followings?limit=20")
        samples.append(time.perf_counter() - begun)
    stop.set()
    thread.join()
    return spread(samples)


def png(width, height):
    """A photograph-like PNG: noise in the low bits, so that it does not compress away."""
    row = bytes(random.randrange(64) for _ in range(width * 3))
    rows = b"".join(b"\0" + row[n % 97:] + row[:n % 97] for n in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def images():
    photo = png(4000, 3000)
    assert len(photo) < 10 << 20, len(photo)
    edge = "edge7"
    part = f'--{edge}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\npost\r\n--{edge}\r\n' \
           f'content-disposition: form-data; name="image"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n'
    body = part.encode() + photo + f"\r\n--{edge}--\r\n".encode()
    before = peak_kib()
    busy = []

    def send(client, _):
        while True:
            try:
                return client.call("POST", "/api/images", body, {"content-type": f"multipart/form-data; boundary={edge}"})
            except RuntimeError as refused:
                # The queue of uploads is full: the client retries.
                if " 503 " not in str(refused):
                    raise
                busy.append(1)
                client.http.close()
                time.sleep(0.2)
    samples, took = many(40, 4, send)
    return {**spread(samples), "perSecond": round(40 / took, 2), "bytesSent": len(photo), "busy": len(busy),
            "peakMiBBefore": before // 1024, "peakMiBAfter": peak_kib() // 1024}


print(json.dumps({
    "searchAlone": one_search(), "searchRelevance": search("relevance"), "searchRecent": search("recent"),
    "searchable": searchable(), "notification": notified(),
    "mostPopular": ranked("most-popular"), "feedWhileRanking": feed_while_ranking(), "images": images(),
}, indent=1))
