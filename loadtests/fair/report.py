#!/usr/bin/env python3
"""Prints the figures of `loadtests/fair/run` as Markdown. Usage: report.py FOLDER (with before-N.json, after-N.json)"""
import glob, json, os, statistics, sys


def load(kind):
    return [json.load(open(path)) for path in sorted(glob.glob(f"{sys.argv[1]}/{kind}-*.json"))]


before, after = load("before"), load("after")
value = os.environ.get


def median(runs, *path):
    found = []
    for run in runs:
        for step in path:
            run = run.get(step) if isinstance(run, dict) else None
        if run is not None:
            found.append(run)
    return statistics.median(found) if found else None


def row(name, *path):
    old, new = median(before, *path), median(after, *path)
    ratio = f"{old / new:.1f}" if old is not None and new else "-"
    print(f"| {name} | {'-' if old is None else f'{old:.3g}'} | {new:.3g} | {ratio} |")


print(f"# Fairness under one member's load, {value('DATE')}\n")
print(f"- Machine: {value('MACHINE')}; server and generator share the cores.\n- Build: `{value('PROFILE')}` profile.")
print(f"- Method: `loadtests/fair/run`; {value('RUNS')} runs of {value('SECONDS_A_RUN')} s, medians, before and after in turns.\n")
print("1,000 members who follow 600 each, 20,000 posts, limits switched off. Four members read their home feed and post, one")
print("request after another, while another member keeps 120 searches (100 texts of 5,000 characters each) or 150 network")
print("recommendations in progress. Times are in milliseconds, measured in the clients, which are Python programs and")
print("contribute to them.\n")
print("| latency of others | before | after | ratio |\n|---|---|---|---|")
for attack, name in [("alone", "no attack"), ("searches", "120 searches"), ("network", "150 network recommendations")]:
    for kind in ["feed", "post"]:
        for part in ["p50", "p99", "max"]:
            row(f"{name}: {kind}, {part}", attack, kind, part)
row("12 uploads of a byte per second by three members: upload of another member, seconds", "uploadSeconds")
print("\nResponses to the attacker (last run; status: count):\n")
for kind, runs in [("before", before), ("after", after)]:
    for attack in ["searches", "network"] if runs else []:
        print(f"- {kind}, {attack}: {runs[-1][attack].get('statuses')}")
