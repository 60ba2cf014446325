#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Malformed scenarios and what is said of each.

    malformed.py PROGRAM FOLDER

A case is NAME.yaml or NAME.json with NAME.expected beside it: the exit code, then what went to
stderr. Nothing may go to stdout. TR_UPDATE=1 rewrites what is expected.
"""
import os
import subprocess
import sys

CASES_MIN = 70


def run(program, folder, name):
    done = subprocess.run([program, "sim", name], cwd=folder, capture_output=True, timeout=60)
    got = f"exit {done.returncode}\n" + done.stderr.decode(errors="backslashreplace")
    if done.stdout:
        got += "stdout is not empty\n"
    return got


def main():
    program, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    names = sorted(n for n in os.listdir(folder) if n.endswith((".yaml", ".json")))
    print(f"1..{len(names) + 1}")
    print(("ok" if len(names) >= CASES_MIN else "not ok"), f"1 - there are {CASES_MIN} cases")
    for number, name in enumerate(names, 2):
        path = os.path.join(folder, name.rsplit(".", 1)[0] + ".expected")
        got = run(program, folder, name)
        if os.environ.get("TR_UPDATE"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(got)
        wanted = open(path, encoding="utf-8").read() if os.path.exists(path) else "(no file)\n"
        refused = not got.startswith(("exit 0", "exit -"))
        good = got == wanted and refused
        print(("ok" if good else "not ok"), number, "-", name)
        if not good:
            print("".join(f"# wanted: {line}\n" for line in wanted.splitlines()), end="")
            print("".join(f"# got:    {line}\n" for line in got.splitlines()), end="")


if __name__ == "__main__":
    main()
