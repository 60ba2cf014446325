#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Count what the suites said, down to the single promise, and end with one line.

Meson counts executables; one executable keeps many promises, so TAP output is counted line by
line. An executable that fails without a failed line (a crash, a time-out) is one failure.

    count.py FOLDER     of *.json (meson test logs), *.tap and *.broken (a suite that did not build)
"""
import json
import os
import re
import sys

TAP_LINE = re.compile(r"^(not )?ok\b[^#]*(#\s*(SKIP|TODO)\b.*)?", re.IGNORECASE)
SKIPPED, PASSED, FAILED = "skipped", "passed", "failed"


def read_tap(text):
    """(outcome, description) of each TAP line."""
    for line in text.splitlines():
        match = TAP_LINE.match(line)
        if match:
            skip = match.group(3) and match.group(3).upper() == "SKIP"
            yield SKIPPED if skip else FAILED if match.group(1) else PASSED, line.strip()


def read_log(path):
    """(outcome, description) of everything in one of meson's logs."""
    for line in open(path, encoding="utf-8"):
        test = json.loads(line)
        good = test["result"] in ("OK", "EXPECTEDFAIL")
        output = test.get("stdout") or ""
        rows = list(read_tap(output)) if re.search(r"^1\.\.\d", output, re.MULTILINE) else []
        if test["result"] == "SKIP" and not rows:
            rows = [(SKIPPED, test["result"])]
        elif test["result"] == "SKIP":
            rows = [(SKIPPED, text) for _, text in rows]
        elif good and not rows:
            rows = [(PASSED, test["result"])]
        elif not good and all(outcome != FAILED for outcome, _ in rows):
            rows.append((FAILED, test["result"]))
        for outcome, text in rows:
            yield outcome, f"{test['name']}: {text}"


def main():
    folder = sys.argv[1]
    counts = {PASSED: 0, FAILED: 0, SKIPPED: 0}
    shown = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        suite, kind = os.path.splitext(name)
        if kind == ".json":
            rows = read_log(path)
        elif kind == ".tap":
            rows = read_tap(open(path, encoding="utf-8").read())
        elif kind == ".broken":
            rows = [(FAILED, open(path, encoding="utf-8").read().strip())]
        else:
            continue
        for outcome, text in rows:
            if outcome == SKIPPED and os.environ.get("CI") == "true":
                outcome, text = FAILED, text + " (a skip is a failure where CI=true)"
            counts[outcome] += 1
            if outcome != PASSED:
                shown.append(f"{outcome}: {suite}: {text}")
    print()
    for line in sorted(shown):
        print(line)
    print(f"{counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped")
    return 1 if counts[FAILED] or not counts[PASSED] else 0


sys.exit(main())
