#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a person sees on a terminal, by a pseudo-terminal: terminal.py PROGRAM ROOT."""
import os
import pty
import subprocess
import sys
import tempfile

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SCENARIO = os.path.join(ROOT, "scenarios/crowded-tenants.yaml")


def read_all(master):
    text = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            return text
        if not more:
            return text
        text += more


def run(arguments, stdout_terminal, stderr_terminal, **environment):
    """(text of the terminal, other stdout, exit code)"""
    master, slave = pty.openpty()
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    env.update({"TERM": "xterm"}, **environment)
    with tempfile.TemporaryFile() as other:
        process = subprocess.Popen([PROGRAM, *arguments], env=env, stdin=subprocess.DEVNULL,
                                   stdout=slave if stdout_terminal else other,
                                   stderr=slave if stderr_terminal else subprocess.DEVNULL)
        os.close(slave)
        text = read_all(master)
        code = process.wait(timeout=120)
        os.close(master)
        other.seek(0)
        return text, other.read(), code


def test_a_terminal_gets_colour_unless_it_is_not_wanted():
    text, _, code = run(["sim", SCENARIO], True, False)
    assert code == 0 and b"\033[1m" in text
    assert b"\033" not in run(["sim", SCENARIO], True, False, NO_COLOR="1")[0]
    assert b"\033" not in run(["sim", SCENARIO], True, False, TERM="dumb")[0]


def test_progress_is_shown_on_a_terminal_and_cleared():
    # Long enough that the fastest machine has something to show.
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(f"policy: {ROOT}/scenarios/policies/demo.yaml\nrequests: 1500000\n"
                   "workload: {rate: 10}\n")
        file.flush()
        text, result, code = run(["sim", file.name, "--json", "-"], False, True)
        assert code == 0 and result.startswith(b"{")
        lines = text.split(b"\r\033[K")
        assert len(lines) > 2 and lines[-1] == b"", lines[-2:]
        assert any(b" requests, " in line and b"/s" in line for line in lines), lines[:3]
        assert any(b" left" in line for line in lines), lines[:5]
        quiet = ["sim", file.name, "--limit", "1000", "--quiet"]
        assert run(quiet, False, True) == (b"", b"", 0)


def main():
    tests = [(name, function) for name, function in globals().items()
             if name.startswith("test_")]
    print(f"1..{len(tests)}")
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name}")
        except Exception as error:  # pylint: disable=broad-except
            print(f"not ok {number} - {name}")
            print("".join(f"# {line}\n" for line in repr(error).splitlines()), end="")


if __name__ == "__main__":
    main()
