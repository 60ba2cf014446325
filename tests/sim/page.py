#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A page whose commands are run: files are written and commands run in order, in one new folder.

    page.py PROGRAM PAGE      TR_UPDATE=1 rewrites what does not print what is shown

```yaml file=PATH is a file; ```console has commands behind "$ " and what they print, standard error
included. A line "..." stands for any number of lines, and where "= N" would be the exit code of a
transcript, here the text says it.
"""
import os
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```(console|yaml file=(\S+))\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def commands(block):
    """(command, lines shown) of each."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def run(folder, program, command):
    path = os.path.dirname(program) + os.pathsep + os.environ.get("PATH", "")
    done = subprocess.run(["/bin/sh", "-c", command], cwd=folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                          env={**os.environ, "PATH": path})
    return done.stdout.decode().splitlines()


def matches(shown, printed):
    pattern = "".join("(.*\n)*" if line == "..." else re.escape(line) + "\n" for line in shown)
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


def main():
    program, page = os.path.abspath(sys.argv[1]), sys.argv[2]
    update = os.environ.get("TR_UPDATE") == "1"
    with open(page, encoding="utf-8") as file:
        text = file.read()
    number, failed = 0, False
    with tempfile.TemporaryDirectory() as folder:
        def play(match):
            nonlocal number, failed
            if match.group(2):
                write(folder, match.group(2), match.group(3))
                return match.group(0)
            kept = []
            for command, shown in commands(match.group(3)):
                printed = run(folder, program, command)
                good = matches(shown, printed)
                number += 1
                failed |= not good and not update
                print(f"{'ok' if good or update else 'not ok'} {number} - {command}")
                for line in [] if good else ["shown:"] + shown + ["printed:"] + printed:
                    print("# " + line)
                kept += ["$ " + command] + (shown if good else printed)
            return "```console\n" + "".join(line + "\n" for line in kept) + "```"
        fresh = BLOCK.sub(play, text)
    print(f"1..{number}")
    if update and fresh != text:
        with open(page, "w", encoding="utf-8") as file:
            file.write(fresh)
    return failed or number == 0


sys.exit(main())
