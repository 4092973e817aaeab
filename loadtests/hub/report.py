#!/usr/bin/env python3
"""Prints the results of `loadtests/hub/run` as a table: medians of the turns, with their ranges."""
import json, os, pathlib, statistics, sys

WORK = pathlib.Path(sys.argv[1])
ROWS = [
    ("home feed, nobody posts: p50 ms", "quiet", ["p50"]),
    ("home feed, nobody posts: p99 ms", "quiet", ["p99"]),
    ("home feed, nobody posts: max ms", "quiet", ["max"]),
    ("home feed, author posts: p50 ms", "posting", ["p50"]),
    ("home feed, author posts: p99 ms", "posting", ["p99"]),
    ("home feed, author posts: max ms", "posting", ["max"]),
    ("deliveries a second", "sse", ["deliveriesPerSecond"]),
    ("delivery p50 ms", "sse", ["latencyMs", "p50"]),
    ("delivery p99 ms", "sse", ["latencyMs", "p99"]),
    ("server's CPU per delivery, µs", "sse", ["cpuMicrosPerDelivery"]),
    ("resident bytes per stream", "sse", ["residentBytesPerStream"]),
    ("lost events", "sse", ["lost"]),
    ("events delivered twice", "sse", ["doubled"]),
    ("streams ended by the server", "sse", ["endedByServer"]),
]


def values(which, part, keys):
    found = []
    for path in sorted(WORK.glob(f"{which}-*-{part}.json")):
        text = path.read_text()
        value = json.loads(text) if text.strip() else None
        for key in keys:
            value = value.get(key) if value else None
        if value is not None:
            found.append(value)
    return found


def shown(found):
    if not found:
        return "-"
    return f"{statistics.median(found):,.2f} ({min(found):,.2f} to {max(found):,.2f})".replace(".00", "")


env = os.environ
print(f"{env['STREAMS']} streams, {env['RATE']} posts a second, {env['RUNS']} turns of {env['SECONDS_A_RUN']} s.\n")
print("| measure | before | after |\n|---|---|---|")
for label, part, keys in ROWS:
    print(f"| {label} | {shown(values('before', part, keys))} | {shown(values('after', part, keys))} |")
