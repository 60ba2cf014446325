#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The count at the end of `make test` is what people and machines believe, so it is tested too.

    count_test.py ROOT      speaks TAP
"""
import json
import os
import subprocess
import sys
import tempfile

COUNT = os.path.join(sys.argv[1], "scripts", "count.py")


def log(*tests):
    return "".join(json.dumps({"name": "t", "result": result, "stdout": output}) + "\n"
                   for result, output in tests)


# (promise, files, CI, last line, exit code)
CASES = [
    ("every promise counts, not every program",
     {"a.json": log(("OK", "1..2\nok 1 - a\nok 2 - b\n"), ("OK", "no TAP here"))}, False,
     "3 passed, 0 failed, 0 skipped", 0),
    ("a failed promise fails all",
     {"a.json": log(("FAIL", "1..2\nok 1 - a\nnot ok 2 - b\n"))}, False,
     "1 passed, 1 failed, 0 skipped", 1),
    ("a crash after good lines is a failure",
     {"a.json": log(("ERROR", "1..3\nok 1 - a\n"))}, False,
     "1 passed, 1 failed, 0 skipped", 1),
    ("a time-out is a failure", {"a.json": log(("TIMEOUT", ""))}, False,
     "0 passed, 1 failed, 0 skipped", 1),
    ("an interrupted program is a failure", {"a.json": log(("OK", ""), ("INTERRUPT", ""))}, False,
     "1 passed, 1 failed, 0 skipped", 1),
    ("a skip is told apart",
     {"a.json": log(("OK", "1..2\nok 1 - a\nok 2 # SKIP no data\n"))}, False,
     "1 passed, 0 failed, 1 skipped", 0),
    ("where CI=true a skip is a failure",
     {"a.json": log(("OK", "1..2\nok 1 - a\nok 2 # SKIP no data\n"))}, True,
     "1 passed, 1 failed, 0 skipped", 1),
    ("a suite that did not build is a failure",
     {"a.json": log(("OK", "")), "b.broken": "build failed\n"}, False,
     "1 passed, 1 failed, 0 skipped", 1),
    ("several suites add up",
     {"a.json": log(("OK", "")), "b.tap": "ok 1 - x\n", "c.json": log(("OK", ""))}, False,
     "3 passed, 0 failed, 0 skipped", 0),
    ("nothing at all is no success", {}, False, "0 passed, 0 failed, 0 skipped", 1),
]

failed = False
print(f"1..{len(CASES)}")
for number, (promise, files, in_ci, line, code) in enumerate(CASES, 1):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run(["/usr/bin/python3", COUNT, folder], capture_output=True, text=True,
                              env={**os.environ, "CI": "true" if in_ci else ""})
    last = done.stdout.splitlines()[-1:]
    good = last == [line] and done.returncode == code
    failed = failed or not good
    print(f"{'ok' if good else 'not ok'} {number} - {promise}")
    if not good:
        print(f"# {last}, exit code {done.returncode}, {done.stderr}")
sys.exit(1 if failed else 0)
