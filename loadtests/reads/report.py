#!/usr/bin/env python3
"""Prints the figures of `loadtests/reads/run` as Markdown. Usage: report.py FOLDER (with before-N.json, after-N.json)"""
import glob, json, os, statistics, sys

NAMES = {
    "feed": "home feed of 100, 10,000 blocks",
    "post": "one popular post, 10,000 blocks",
    "unread": "unread count, 10,000 notifications",
    "groups": "groups, page of 20, 10,000 notifications",
    "network": "network recommendations, page of 100",
}
load = lambda kind: [json.load(open(path)) for path in sorted(glob.glob(f"{sys.argv[1]}/{kind}-*.json"))]
before, after = load("before"), load("after")


def median(runs, path):
    found = []
    for run in runs:
        for step in path:
            run = run.get(step) if isinstance(run, dict) else None
        if run is not None:
            found.append(run)
    return statistics.median(found) if found else None


def show(value):
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def row(name, *path):
    print(f"| {name} | {show(median(before, path))} | {show(median(after, path))} |")


value = os.environ.get
print(f"# Reads that the acts of others made expensive, {value('DATE')}\n")
print(f"- Machine: {value('MACHINE')}; server and generator share the cores.\n- Build: `release` profile.")
print(f"- Method: `loadtests/reads/run`; {value('RUNS')} runs of {value('SECONDS_A_RUN')} s for each line,")
print("  medians, before and after in turns.\n")
print("""12,000 members, 20,000 posts, 400,000 likes, limits switched off. One member blocks 10,000 members; the newest 2,000
posts have 5 comments each, every fifth post in that member's feed 2,000 likes. Another member has 10,000 unread
notifications: 5,000 likes and 3,000 comments on own posts, 2,000 mentions in as many posts. First one client asks, one
request after another; then four clients of that member ask while four other members read their home feeds (from
memory) and two of them the comments of a post (from the database). The clients are Python programs and contribute to
the times.
""")
print("| one client | before | after |\n|---|---|---|")
for name, title in NAMES.items():
    row(f"{title}: p50, ms", name, name, "p50")
    row("p99, ms", name, name, "p99")
    row("requests/s", name, name, "perSecond")
print("\n| others, while four clients ask | before | after |\n|---|---|---|")
for name in ["alone", "feedAndOthers", "postAndOthers", "unreadAndOthers", "groupsAndOthers"]:
    title = "nothing" if name == "alone" else NAMES[name.removesuffix("AndOthers")]
    row(f"{title}: home feed p50, ms", name, "others", "p50")
    row("home feed p99, ms", name, "others", "p99")
    row("comments p99, ms", name, "comments", "p99")
    row("comments, requests/s", name, "comments", "perSecond")
print("\n| CPU seconds of the server per second, 50 likes/s | before | after |\n|---|---|---|")
row("no stream", "cpu", "likesOnly")
row("one stream of the viewer with 10,000 blocks", "cpu", "withStream")
print("\nStatuses (last run):\n")
for kind, runs in [("before", before), ("after", after)]:
    for name in NAMES if runs else []:
        both = runs[-1].get(f"{name}AndOthers", runs[-1][name])
        print(f"- {kind}, {name}: " + ", ".join(f"{who} {found['statuses']}" for who, found in both.items()))
