#!/usr/bin/env python3
"""Prints the figures of `loadtests/departures/run` as Markdown. Usage: report.py FOLDER (before-N.json, after-N.json)"""
import glob, json, os, statistics, sys


def load(kind):
    return [json.load(open(path)) for path in sorted(glob.glob(f"{sys.argv[1]}/{kind}-*.json"))]


before, after = load("before"), load("after")
value = os.environ.get


def found(runs, *path):
    values = []
    for run in runs:
        for step in path:
            run = run.get(step) if isinstance(run, dict) else None
        if run is not None:
            values.append(run)
    return values


def row(name, *path, by=statistics.median):
    old, new = found(before, *path), found(after, *path)
    shown = lambda values: f"{by(values):,.4g}" if values else "-"
    print(f"| {name} | {shown(old)} | {shown(new)} |")


def texts(name, *path):
    shown = lambda values: ", ".join(sorted(set(map(str, values)))) or "-"
    print(f"| {name} | {shown(found(before, *path))} | {shown(found(after, *path))} |")


followers, requests = int(value("FOLLOWERS")), int(value("REQUESTS"))
print(f"# Departures of a popular member, {value('DATE')}\n")
print(f"- Machine: {value('MACHINE')}; server and generator share the cores.\n- Build: `{value('PROFILE')}` profile.")
print(f"- Method: `loadtests/departures/run`; {value('RUNS')} runs, before and after in turns; medians, but the worst of all")
print("  runs for each maximum and failures.\n")
print(f"1,000 members, 20,000 posts, a member with {followers:,} followers, another with {requests:,} pending follow")
print("requests, limits switched off. Four members read their home feed, post, like and unlike, one request after another,")
print("from a second before the change until a second after all counters have followed. Times are in milliseconds unless")
print("the row says seconds, measured in the clients, which are Python programs and contribute to them.\n")
print("| | before | after |\n|---|---|---|")
phases = [("alone", "no change"), ("public", f"{requests:,} requests are accepted"),
          ("leave", "the member leaves"), ("return", "the member returns")]
for phase, name in phases:
    for kind in ["feed", "write"]:
        for part in ["p50", "p99"]:
            row(f"{name}: {kind} of others, {part}", phase, kind, part)
        row(f"{name}: {kind} of others, worst", phase, kind, "max", by=max)
    row(f"{name}: failed requests of others", phase, "failures", by=max)
    if phase != "alone":
        row(f"{name}: seconds until the answer", phase, "answered")
        row(f"{name}: seconds until settled", phase, "settled")
    texts(f"{name}: `dailyfeed audit` after it", phase, "drift")
