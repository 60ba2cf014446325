#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every real command's help fits a screen, leads with an example, and is in the manual page.

    screens.py PROGRAM
"""
import subprocess
import sys

LINES_MAX, COLUMNS_MAX = 44, 80


def run(*words):
    return subprocess.run([sys.argv[1], *words], capture_output=True, text=True, timeout=60)


def commands():
    lines = run("--help").stdout.split("\nCommands:\n")[1].split("\n\n")[0].splitlines()
    return [line.strip().split("  ")[0] for line in lines if not line.startswith("   ")]


def wrong(name, manual):
    """What is wrong with a command's help, or None."""
    done = run(*name.split(), "--help")
    lines = done.stdout.splitlines()
    options = [word.split()[0] for word in lines if word.startswith("  --")]
    if done.returncode != 0 or done.stderr:
        return f"exit code {done.returncode}, stderr '{done.stderr}'"
    if len(lines) > LINES_MAX:
        return f"{len(lines)} lines"
    long = [line for line in lines if len(line) > COLUMNS_MAX]
    if long:
        return f"wider than {COLUMNS_MAX} columns: {long[0]}"
    summary = done.stdout.split("\n\n")[0].split(": ", 1)[1]
    if summary[0].isupper() or summary.endswith("."):
        return f"the summary is no plain phrase: {summary}"
    if "Example:" not in lines[2:4]:
        return "no example at the top"
    for option in options:
        if option != "--help" and option.replace("-", "\\-") not in manual:
            return f"{option} is not in the manual page"
    return None


names = commands()
manual_page = run("man").stdout
print(f"1..{len(names)}")
failed = False
for number, command in enumerate(names, 1):
    problem = wrong(command, manual_page)
    failed = failed or problem is not None
    print(f"{'not ok' if problem else 'ok'} {number} - help of {command}")
    if problem:
        print(f"# {problem}")
sys.exit(1 if failed else 0)
