#!/usr/bin/env python3
"""Turns the raw files of a campaign into results.json, README.md and plots (SVG). Uses only the standard library.

usage: report.py RAW_FOLDER RESULTS_FOLDER --runs N --seconds N --data WHAT --pinned apart|shared
"""
import argparse
import json
import math
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path

# key, description, unit, better, must, aim. "drop" and "rise" name the better direction.
MEASURES = [
    ("feed_rps", "home feed, 20 items, 200 authors (wrk, 16 connections)", "requests/s", "rise", 5_000, 15_000),
    ("feed_p99", "its p99", "ms", "drop", 10, 5),
    ("bare_rps", "bare axum handler, the same bytes, interleaved", "requests/s", "rise", None, None),
    ("feed_share", "home feed beside the bare handler", "%", "rise", None, 50),
    ("write_rps", "acknowledged durable posts (wrk, 256 connections)", "posts/s", "rise", 5_000, 20_000),
    ("write_p99", "its p99", "ms", "drop", None, None),
    ("disk_ms", "the disk's sync of 64 KiB, which every commit waits for", "ms", "drop", None, None),
    ("feed_busy", "tokio's threads busy during the feed load (of all cores; the generator has the rest)", "%", "drop", None, None),
    ("feed_parks", "times a thread parked, per request of the feed load", "", "drop", None, None),
    ("write_busy", "tokio's threads busy during the posts (SQLite's and Tantivy's are others)", "%", "drop", None, None),
    ("write_parks", "times a thread parked, per post", "", "drop", None, None),
    ("celebrity_ms", "one post to 31,000 followers (CELEBRITY changes the number), in every sampled feed: worst of a run", "ms", "drop", 200, 20),
    ("sse_p50", "post acknowledged to SSE event, 100 streams, p50", "ms", "drop", None, None),
    ("sse_p99", "the same, p99", "ms", "drop", 100, 20),
    ("sse_25k_rate", "SSE deliveries, 25,000/s offered (1,000 streams)", "events/s", "rise", 25_000, None),
    ("sse_25k_p99", "its p99", "ms", "drop", 200, None),
    ("sse_100k_rate", "SSE deliveries, 100,000/s offered (1,000 streams)", "events/s", "rise", None, 100_000),
    ("sse_100k_p99", "its p99", "ms", "drop", None, 50),
    ("sse_cpu", "server CPU per delivered event", "µs", "drop", None, None),
    ("stream_bytes", "resident memory per idle stream (10,000 streams)", "bytes", "drop", 16_384, 8_192),
    ("chaos_cuts", "streams cut and resumed at random", "cuts", "rise", None, None),
    ("chaos_lost", "events lost by the cuts", "", "drop", 0, 0),
    ("chaos_doubled", "events duplicated by the cuts", "", "drop", 0, 0),
    ("search_p99", "search, 1 M posts, 2 terms, top 20, p99", "ms", "drop", 50, 10),
    ("searchable_ms", "post acknowledged to searchable", "ms", "drop", 2_000, 500),
    ("index_ms", "index of 1 M seeded posts, built while the server runs", "ms", "drop", None, None),
    ("start_ms", "start with 1 M posts to ready", "ms", "drop", 10_000, 3_000),
    ("million_mib", "resident with 1 M posts after the start", "MiB", "drop", None, None),
    ("idle_mib", "resident idle, 1,000 members", "MiB", "drop", 120, 60),
    ("busy_mib", "resident after the feed load", "MiB", "drop", None, None),
    ("feed_cpu", "server CPU per request of the feed's mix", "µs", "drop", None, None),
    ("seed_s", "seeding", "s", "drop", None, None),
    ("settle_s", "from the first start until activity and search have caught up with the seed", "s", "drop", None, None),
    ("settle_million_s", "the same, 1 M posts", "s", "drop", None, None),
    ("drift", "counters that have drifted after the campaign", "", "drop", 0, 0),
]
COLOURS = ["#3465a4", "#f57900", "#4e9a06", "#a40000", "#75507b"]


def wrk(text):
    """Returns requests per second and the p99 in milliseconds."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    if not rate or not p99:
        return None
    return float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]]


def read(raw):
    """Returns the values of every measure, one per run, the reports of the scenarios, and the failed measurements."""
    values, scenarios, failed = {}, {}, []

    def add(key, value):
        if value is not None:
            values.setdefault(key, []).append(value)

    for path in sorted(raw.iterdir()):
        text, name = path.read_text(), path.name.split(".")[0]
        if name == "notes":
            for line in text.splitlines():
                key, value = line.split("\t")
                if key == "failed":
                    failed.append(value)
                elif value:
                    add(key, float(value))
            continue
        if name.startswith("wrk-"):
            found = wrk(text)
            if found:
                add(f"{name[4:]}_rps", found[0])
                add(f"{name[4:]}_p99", found[1])
            continue
        if path.suffix != ".json" or not text.strip():
            continue
        report = json.loads(text)
        if name.startswith("sse-"):
            kind, latency = name[4:], report["latencyMs"]
            if kind == "latency":
                add("sse_p50", latency["p50"])
                add("sse_p99", latency["p99"])
            elif kind in ("25k", "100k"):
                add(f"sse_{kind}_rate", report["deliveriesPerSecond"])
                add(f"sse_{kind}_p99", latency["p99"])
                if kind == "25k":
                    add("sse_cpu", report.get("cpuMicrosPerDelivery"))
            elif kind == "memory":
                add("stream_bytes", report.get("residentBytesPerStream"))
            elif kind == "chaos":
                for key in ("cuts", "lost", "doubled"):
                    add(f"chaos_{key}", report[key])
            continue
        scenarios.setdefault(name, []).append(report)
    for report in scenarios.get("load-celebrity", []):
        add("celebrity_ms", (report.get("visibleMs") or {}).get("max"))
    for report in scenarios.get("load-search", []):
        add("search_p99", report["latencyMs"]["p99"])
    for report in scenarios.get("load-feed", []):
        add("feed_cpu", report.get("cpuMicrosPerRequest"))
    for feed, bare in zip(values.get("feed_rps", []), values.get("bare_rps", [])):
        add("feed_share", 100 * feed / bare)
    return values, scenarios, failed


def number(value):
    if value is None:
        return ""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(values, show=number):
    if len(values) == 1:
        return show(values[0])
    return f"{show(statistics.median(values))} ({show(min(values))} to {show(max(values))})"


def verdict(value, better, must, aim):
    reached = lambda limit: limit is not None and (value >= limit if better == "rise" else value <= limit)
    # A tolerance of 1 % for offered rates, as the number of posts is an integer.
    if better == "rise":
        value *= 1.01
    if aim is not None and reached(aim):
        return "aim"
    if must is not None:
        return "must" if reached(must) else "**missed**"
    return "" if aim is None else "below aim"


def last_campaign(results, it):
    """Returns the last earlier campaign on the same kind of machine, and a sentence about the comparison."""
    earlier = sorted(path for path in results.parent.glob("*/results.json") if path.parent.name < results.name)
    reports = [(path.parent.name, json.loads(path.read_text())) for path in earlier]
    same = [(name, report) for name, report in reports if all(report["machine"][key] == it[key] for key in ("processor", "cores"))]
    if same:
        return same[-1][1], f"Compared with {same[-1][0]}."
    if not reports:
        return None, "No earlier campaign exists for comparison."
    name, report = reports[-1]
    bare = report["measures"].get("bare_rps")
    speed = f"; a bare handler did {number(statistics.median(bare))} requests/s there" if bare else ""
    return None, f"No earlier campaign ran on this kind of machine; the last, {name},\nran on {report['machine']['processor']}{speed}."


def change(now, before, better):
    if before is None or before == 0:
        return ""
    part = 100 * (now / before - 1)
    mark = "" if abs(part) < 10 else " better" if (part > 0) == (better == "rise") else " **worse**"
    return f"{part:+.0f} %{mark}"


def table(values, before):
    head = "| measure | unit | median (range) | must | aim | reached |"
    rule = "|---|---|---|---|---|---|"
    rows = [head + (" since the last |" if before else ""), rule + ("---|" if before else "")]
    for key, what, unit, better, must, aim in MEASURES:
        if key not in values:
            continue
        median = statistics.median(values[key])
        row = f"| {what} | {unit} | {spread(values[key])} | {number(must)} | {number(aim)} "
        row += f"| {verdict(median, better, must, aim)} |"
        if before:
            old = before["measures"].get(key)
            row += f" {change(median, old and statistics.median(old), better)} |"
        rows.append(row)
    return "\n".join(rows)


def scenario_table(scenarios):
    rows = [
        "| scenario | by | requests/s | failed | shed | p50 ms | p95 ms | p99 ms | max ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, reports in scenarios.items():
        of = lambda key: [report["latencyMs"][key] for report in reports if report.get("latencyMs")]
        if not of("p99"):
            continue
        by, scenario = name.split("-", 1)
        failed = max(report["failedRatio"] for report in reports)
        rate = spread([report["requestsPerSecond"] for report in reports])
        rows.append(
            f"| {scenario} | {'k6' if by == 'k6' else 'bench load'} | {rate} | {100 * failed:.3f} % "
            f"| {sum(report.get('shed', 0) for report in reports)} | {spread(of('p50'))} | {spread(of('p95'))} "
            f"| {spread(of('p99'))} | {number(max(of('max')))} |"
        )
    return "\n".join(rows)


def svg(width, height, parts):
    style = "text{font:12px sans-serif;fill:#333}line{stroke:#ccc}polyline{fill:none;stroke-width:2}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<style>{style}</style><rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def text(x, y, words, anchor="start"):
    words = str(words).replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'


def dots(title, rows, unit):
    """Draws a line per name with a dot per run, on a logarithmic scale."""
    rows = [(name, [max(value, 1e-3) for value in values]) for name, values in rows if values]
    left, right, top, step = 210, 690, 40, 24
    every = [value for _, values in rows for value in values]
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)) + 1e-9)
    high += low == high
    x = lambda value: left + (right - left) * (math.log10(value) - low) / (high - low)
    bottom = top + step * len(rows)
    parts = [text(10, 20, f"{title} ({unit}, logarithmic)")]
    for power in range(low, high + 1):
        at = x(10**power)
        parts.append(f'<line x1="{at:.0f}" x2="{at:.0f}" y1="{top - 8}" y2="{bottom}"/>')
        parts.append(text(at, bottom + 16, f"{10 ** power:,g}", "middle"))
    for index, (name, values) in enumerate(rows):
        y = top + step * index + 8
        parts.append(text(left - 8, y + 4, name, "end"))
        for value in values:
            parts.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{COLOURS[0]}" fill-opacity="0.5"/>')
        parts.append(text(min(x(max(values)) + 8, right + 4), y + 4, number(statistics.median(values))))
    return svg(760, bottom + 30, parts)


def lines(title, labels, series, unit):
    """Draws values by step, with a line per series."""
    left, right, top, bottom = 60, 640, 40, 260
    most = max(max(values) for values in series.values()) or 1
    x = lambda index: left + (right - left) * index / max(len(labels) - 1, 1)
    y = lambda value: bottom - (bottom - top) * value / most
    parts = [text(10, 20, f"{title} ({unit})")]
    for quarter in range(5):
        value = most * quarter / 4
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y(value):.0f}" y2="{y(value):.0f}"/>')
        parts.append(text(left - 6, y(value) + 4, number(value), "end"))
    parts += [text(x(index), bottom + 18, label, "middle") for index, label in enumerate(labels)]
    for index, (name, values) in enumerate(series.items()):
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(values))
        parts.append(f'<polyline points="{points}" stroke="{COLOURS[index]}"/>')
        parts.append(text(right + 10, top + 16 * index, name).replace("<text", f'<text style="fill:{COLOURS[index]}"'))
    return svg(760, bottom + 30, parts)


def plots(values, scenarios, folder):
    made = {}
    rates = [(what.split(" (")[0][:34], values[key]) for key, what, unit, *_ in MEASURES if unit.endswith("/s") and key in values]
    if rates:
        made["rates.svg"] = dots("Rates, each run a dot", rates, "per second")
    latency = []
    for name, reports in scenarios.items():
        for key in ("p50", "p99"):
            latency.append((f"{name.split('-', 1)[1]} {key}", [r["latencyMs"][key] for r in reports if r.get("latencyMs")]))
    if any(found for _, found in latency):
        made["latency.svg"] = dots("Latency of the scenarios, each run a dot", latency, "ms")
    for name, unit in (("spike", "offered/s"), ("soak", "quarter")):
        report = next(iter(scenarios.get(f"load-{name}", [])), None)
        steps = [step for step in (report or {}).get("steps") or [] if step["latencyMs"]]
        if steps:
            labels = [step["rate"] if name == "spike" else index + 1 for index, step in enumerate(steps)]
            series = {key: [step["latencyMs"][key] for step in steps] for key in ("p50", "p95", "p99")}
            made[f"{name}.svg"] = lines(f"{name}: latency by {unit}", labels, series, "ms")
    for name, content in made.items():
        (folder / name).write_text(content)
    return sorted(made)


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    rust = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "cores": os.cpu_count(),
        "processor": cpu,
        "memoryGiB": round(memory / 1048576),
        "system": f"{platform.system()} {platform.release()}",
        "rust": rust,
        "commit": commit,
        "loadAverage": os.getloadavg()[2],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--pinned", required=True)
    options = parser.parse_args()
    values, scenarios, failed = read(options.raw)
    it = machine()
    before, compared = last_campaign(options.results, it)
    result = {"machine": it, "runs": options.runs, "secondsARun": options.seconds, "cores": options.pinned}
    result |= {"measures": values, "scenarios": scenarios, "failed": failed}
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "results.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    shared = "pinned to separate cores" if options.pinned == "apart" else "share the cores"
    out = [f"# Load tests, {options.results.name}", ""]
    out.append(
        f"- Machine: {it['cores']} cores ({it['processor']}), {it['memoryGiB']} GiB, {it['system']}; server and generator "
        f"{shared}."
    )
    out.append(f"- Build: `dist` profile, {it['rust']}, commit {it['commit']}.")
    out.append(
        f"- Method: `loadtests/run`; {options.runs} runs of {options.seconds} s, median (least to most). Embedded profile,\n  "
        f"`synchronous=full`; {options.data}, unless a line says otherwise."
    )
    out.append(f"- Load average of the last quarter of an hour at the end: {it['loadAverage']:.1f}.")
    out += ["", compared]
    out += ["", table(values, before), "", "## Scenarios at a rate", ""]
    out.append("Open loop (except `blog`): each request starts at its scheduled time, however long earlier responses took.")
    out += ["", scenario_table(scenarios), ""]
    if failed:
        out += [f"Not measured, or failed: {', '.join(failed)}.", ""]
    out += [f"![{name}]({name})" for name in plots(values, scenarios, options.results)]
    (options.results / "README.md").write_text("\n".join(out).rstrip() + "\n")


if __name__ == "__main__":
    main()
