#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Generated pages are what the program would generate now: generated.py TAILRACE DOCS.

With TR_UPDATE=1 they are rewritten.
"""
import os
import subprocess
import sys

PAGES = [("--reference", "policy", "policy.md"), ("--schema", "policy", "policy.schema.json"),
         ("--reference", "scenario", "scenario.md"), ("--schema", "scenario", "scenario.schema.json"),
         ("--reference", "profile", "profile.md"), ("--schema", "profile", "profile.schema.json"),
         ("--reference", "reasons", "reasons.md"), ("--reference", "faults", "faults.md")]


def main(tailrace, docs):
    failed = False
    for number, (option, kind, name) in enumerate(PAGES, 1):
        made = subprocess.run([tailrace, "check", option, kind], capture_output=True, check=True)
        path = os.path.join(docs, name)
        if os.environ.get("TR_UPDATE"):
            with open(path, "wb") as file:
                file.write(made.stdout)
        same = os.path.exists(path)
        if same:
            with open(path, "rb") as file:
                same = file.read() == made.stdout
        failed = failed or not same
        print(f"{'ok' if same else 'not ok'} {number} docs/{name} is up to date")
    print(f"1..{len(PAGES)}")
    return failed


sys.exit(main(*sys.argv[1:]))
