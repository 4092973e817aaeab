#!/usr/bin/env python3
"""Prints the figures of `loadtests/reads/run` as Markdown. Usage: report.py FOLDER (with before-N.json, after-N.json)"""
import glob, json, statistics, sys

NAMES = {
    "feed": "home feed of 100, viewer with 10,000 blocks",
    "post": "one popular post, the same viewer",
    "unread": "unread count, 10,000 notifications",
    "groups": "grouped notifications, page of 20 of 10,000",
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


def row(name, *path):
    old, new = median(before, path), median(after, path)
    show = lambda value: "-" if value is None else f"{value:.3g}"
    print(f"| {name} | {show(old)} | {show(new)} |")


print("| | before | after |\n|---|---|---|")
for name, title in NAMES.items():
    row(f"{title}: p50, ms", name, name, "p50")
    row(f"{title}: p99, ms", name, name, "p99")
    row(f"{title}: requests/s of one client", name, name, "perSecond")
for name in ["alone", "feedAndOthers", "postAndOthers", "unreadAndOthers", "groupsAndOthers"]:
    title = "nothing else" if name == "alone" else f"4 clients with: {NAMES[name.removesuffix('AndOthers')]}"
    row(f"home feed of others meanwhile ({title}): p50, ms", name, "others", "p50")
    row(f"home feed of others meanwhile ({title}): p99, ms", name, "others", "p99")
    row(f"comments of a post read by others meanwhile ({title}): p99, ms", name, "comments", "p99")
row("CPU seconds of the server per second, 50 likes/s, no stream", "cpu", "likesOnly")
row("CPU seconds of the server per second, 50 likes/s, one stream of the viewer with 10,000 blocks", "cpu", "withStream")
print("\nStatuses (last run):\n")
for kind, runs in [("before", before), ("after", after)]:
    for name in NAMES:
        both = runs[-1].get(f"{name}AndOthers", runs[-1][name]) if runs else {}
        print(f"- {kind}, {name}: " + ", ".join(f"{who} {found['statuses']}" for who, found in both.items()))
