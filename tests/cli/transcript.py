#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run a transcript against a program and speak TAP.

A transcript is a text file that reads like a terminal:

    # The promise that the next command keeps.
    $ --seed 7 show
    a line of standard output
    2| a line of standard error
    = 2

`$` is followed by the program's arguments, quoted as in a shell; with `$ sh:` the rest is a shell
command in which $PROGRAM is the program. `= N` is the exit code; without it, 0 is expected.
A line `...` stands for any number of lines of standard output.

    transcript.py PROGRAM FILE      TR_UPDATE=1 rewrites FILE with what the program does now
"""
import os
import re
import subprocess
import sys


class Case:
    def __init__(self, title, command):
        self.title, self.command = title, command
        self.out, self.err, self.code = [], [], 0

    def run(self, program):
        command = self.command
        shell = command[3:] if command.startswith("sh:") else '"$PROGRAM" ' + command
        done = subprocess.run(["/bin/bash", "-c", shell], capture_output=True, timeout=60,
                              stdin=subprocess.DEVNULL, env={**os.environ, "PROGRAM": program})
        result = Case(self.title, command)
        result.out = done.stdout.decode(errors="backslashreplace").splitlines()
        result.err = done.stderr.decode(errors="backslashreplace").splitlines()
        result.code = done.returncode
        return result

    def text(self):
        lines = ["# " + self.title, "$ " + self.command] + self.out
        lines += ["2| " + line for line in self.err]
        if self.code:
            lines.append(f"= {self.code}")
        return "\n".join(lines) + "\n"

    def equals(self, other):
        pattern = "".join("(.*\n)*" if line == "..." else re.escape(line) + "\n"
                          for line in self.out)
        return (self.err == other.err and self.code == other.code and
                re.fullmatch(pattern, "".join(line + "\n" for line in other.out)) is not None)


def read(path):
    head, cases, title = [], [], ""
    for line in open(path, encoding="utf-8").read().splitlines():
        if line.startswith("$ "):
            cases.append(Case(title, line[2:]))
        elif line.startswith("# "):
            title = line[2:]
            if title.startswith("SPDX"):
                head.append(line)
        elif line.startswith("2| "):
            cases[-1].err.append(line[3:])
        elif line.startswith("= "):
            cases[-1].code = int(line[2:])
        elif cases and (line or cases[-1].out):
            cases[-1].out.append(line)
    for case in cases:
        while case.out and case.out[-1] == "":
            case.out.pop()
    return head, cases


def main():
    program, path = os.path.abspath(sys.argv[1]), sys.argv[2]
    head, cases = read(path)
    update = os.environ.get("TR_UPDATE") == "1"
    failed, kept = 0, []
    print(f"1..{len(cases)}")
    for number, case in enumerate(cases, 1):
        result = case.run(program)
        while result.out and result.out[-1] == "":
            result.out.pop()
        good = case.equals(result)
        kept.append(case if good else result)
        failed += not good and not update
        print(f"{'ok' if good or update else 'not ok'} {number} - {case.title}")
        if not good:
            for line in ["expected:"] + case.text().splitlines() + \
                    ["got:"] + result.text().splitlines():
                print("# " + line)
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(["\n".join(head) + "\n"][:len(head)] + [case.text() for case in kept]))
    return 1 if failed else 0


sys.exit(main())
