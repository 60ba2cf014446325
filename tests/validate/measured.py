#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hold the simulated model server to measured ones.

    measured.py TAILRACE PAGE      speaks TAP; TR_UPDATE=1 writes the section of PAGE

Each folder of vllm_measured below TAILRACE_TRACES is a run of a real server. `tailrace calibrate`
makes a profile of its first 150 requests alone; all are simulated; those after them are compared.

Beside it stands what one would do without a simulator: as many slots as were ever seen in use, the
line first come first served, a constant time per prompt token and per output token (all the time of
the same 150 rows by all their tokens). The profile must beat it in each line.
"""
import json
import os
import subprocess
import sys
from heapq import heappush, heappop

import page

TRACES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../shared/traces")
FIT = 150
SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
# How far off a percentile may be; None: it is shown.
BOUNDS = {"e2e": (0.05, 0.10, None), "tpot": (0.05, 0.10, None),
          "wait": (0.10, None, None), "prefill": (0.15, None, None)}
TITLES = {"e2e": "end to end", "tpot": "per output token", "wait": "wait", "prefill": "prefill"}


def quantile(values, share):
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        rows = sorted((json.loads(line) for line in file), key=lambda row: row["arrival_time"])
    least = min(row["queued_ts"] - row["arrival_time"] for row in rows[:FIT])
    for row in rows:
        row["at"] = min(row["arrival_time"] + least, row["queued_ts"])
    return rows


def naive(rows):
    """Measures of the rows that were not looked at, in a world of slots and constant times."""
    known = rows[:FIT]
    token = (sum(row["last_token_ts"] - row["first_token_ts"] for row in known) /
             sum(row["output_toks"] - 1 for row in known))
    prompt = (sum(row["first_token_ts"] - row["scheduled_ts"] for row in known) /
              sum(row["input_toks"] for row in known))
    slots = max(sum(row["scheduled_ts"] <= at < row["last_token_ts"] for row in known)
                for at in [row["scheduled_ts"] for row in known])
    ends = [0.0] * slots
    found = {name: [] for name in BOUNDS}
    for number, row in enumerate(rows):
        start = max(row["at"], heappop(ends))
        prefill = prompt * row["input_toks"]
        end = start + prefill + token * (row["output_toks"] - 1)
        heappush(ends, end)
        if number < FIT:
            continue
        found["e2e"].append(end - row["at"])
        if row["output_toks"] > 1:
            found["tpot"].append(token)
        found["wait"].append(start - row["at"])
        found["prefill"].append(prefill)
    return found


def calibrate(tailrace, path):
    command = [tailrace, "calibrate", path, "--fit", str(FIT), "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Line:
    """One percentile of one measure."""

    def __init__(self, name, at, measures, found, token):
        measure = measures[name]
        self.title = f"{TITLES[name]}, {SHARES[at][0]}"
        self.measured = measure["measured_us"][at] / 1e6
        self.simulated = measure["simulated_us"][at] / 1e6
        self.off = measure["error_ppm"][at] / 1e6
        self.bound = BOUNDS[name][at]
        base = max(self.measured, token) if name in ("wait", "prefill") else self.measured
        self.naive_off = (quantile(found[name], SHARES[at][1]) - self.measured) / base

    @property
    def wrong(self):
        if self.bound and abs(self.off) > self.bound:
            return f"off by {self.off:+.1%}, more than {self.bound:.0%}"
        return None

    @property
    def beaten(self):
        return abs(self.off) < abs(self.naive_off)


class Run:
    def __init__(self, tailrace, folder):
        path = os.path.join(folder, "requests.jsonl")
        found = naive(rows_of(path))
        self.name = os.path.basename(folder)
        self.result = calibrate(tailrace, path)
        measures = self.result["residuals"]["unseen"]["measures"]
        token = measures["tpot"]["measured_us"][0] / 1e6
        self.lines = [Line(name, at, measures, found, token)
                      for name in BOUNDS for at in range(len(SHARES))]


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: measured.py TAILRACE PAGE")
    tailrace, path = sys.argv[1:]
    root = os.path.join(os.environ.get("TAILRACE_TRACES", TRACES), "vllm_measured")
    if not os.path.isdir(root):
        print(f"1..0 # SKIP no {root}")
        return 0
    runs = [Run(tailrace, os.path.join(root, name)) for name in sorted(os.listdir(root))
            if os.path.exists(os.path.join(root, name, "requests.jsonl"))]
    checks = [(f"{run.name}: {line.title} {line.off:+.1%}, naive {line.naive_off:+.1%}",
               line.wrong or (None if line.beaten else "the naive one is nearer"))
              for run in runs for line in run.lines]
    section = page.measured_section(runs)
    with open(path, encoding="utf-8") as file:
        old = file.read()
    if os.environ.get("TR_UPDATE"):
        old = page.with_measured(old, section)
        with open(path, "w", encoding="utf-8") as file:
            file.write(old)
    checks.append((f"{os.path.basename(path)} says what was measured",
                   None if page.measured_of(old) == section
                   else "it differs; TR_UPDATE=1 make validate"))
    print(f"1..{len(checks)}")
    for number, (name, wrong) in enumerate(checks, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}{': ' + wrong if wrong else ''}")
    return 1 if any(wrong for _, wrong in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
