#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Break each mechanism of the engine by one edit, and see the scenario that is about it turn red.

    mutants.py BUILD ROOT [WORD]      speaks TAP; TR_UPDATE=1 rewrites docs/mutants.md

BUILD is a configured and compiled build folder. Of each mutant one file is compiled, with the
flags of that build, and linked before the library that holds the right one; nothing of the build
is touched. With WORD, only rows of whose mechanism that is a part, and no page.
"""
import json
import os
import shlex
import subprocess
import sys
import tempfile

from mutations import MUTATIONS, NO_MUTATION

BUILD, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
WORD = sys.argv[3] if len(sys.argv) > 3 else ""
PAGE = os.path.join(ROOT, "docs/mutants.md")
HEAD = """# Mutants

What the [scenarios](../scenarios/README.md) are worth: each mechanism of the engine is broken by one edit, and the scenario that is about
it must turn red. `tests/sim/mutations.py` has the edits, `make test-full` tries them all, and `TR_UPDATE=1` writes this page. A mutant is
red because an assertion fails, or because the engine itself stops at a broken invariant ("panic").

| mechanism | file | instead of | the engine has | scenario | what is seen |
|---|---|---|---|---|---|
"""


def compile_words(source):
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        for command in json.load(file):
            if os.path.realpath(os.path.join(BUILD, command["file"])) == os.path.realpath(source):
                return shlex.split(command["command"])
    raise LookupError(f"{source} is not compiled in {BUILD}")


def link_words():
    done = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", "tailrace"],
                          capture_output=True, text=True, check=True)
    return shlex.split(done.stdout.splitlines()[-1])


def made(words, output, *more):
    """A command with another output; what it would note of its includes goes nowhere."""
    words = list(words)
    words[words.index("-o") + 1] = output
    for option in ["-MF", "-MQ"]:
        if option in words:
            at = words.index(option)
            del words[at:at + 2]
    words = [word for word in words if word not in ("-MD", "-Werror")]
    done = subprocess.run(words + list(more), cwd=BUILD, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stderr}")


def build(mutation, folder):
    """The program with one edit; returns its path."""
    source = os.path.join(ROOT, "engine", mutation.file)
    text = open(source, encoding="utf-8").read()
    if text.count(mutation.old) != 1:
        raise LookupError(f"engine/{mutation.file} has {mutation.old!r} {text.count(mutation.old)} "
                          "times, not once")
    copy, thing, program = (os.path.join(folder, name) for name in
                            [mutation.file, "mutant.o", "tailrace"])
    with open(copy, "w", encoding="utf-8") as file:
        file.write(text.replace(mutation.old, mutation.new))
    words = compile_words(source)
    words[words.index("-c") + 1] = copy
    made(words, thing, "-w")
    # First of all objects: then the archive's member is not needed and not taken.
    words = link_words()
    words.insert(words.index("-o") + 2, thing)
    made(words, program)
    return program


def seen(program, scenario):
    """What tells the mutant from the engine: the first assertion that fails, or None."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        done = subprocess.run([program, "sim", os.path.join(ROOT, "scenarios", scenario + ".yaml"),
                               "--json", path, "--quiet"],
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 0:
            return None
        text = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
    if not text.strip():
        return "panic"
    cases = json.loads(text)
    for case in cases if isinstance(cases, list) else [cases]:
        if case.get("message"):
            return "panic"
        for assertion in case["assertions"]:
            if not assertion["held"]:
                return (f"{assertion['subject']}: {assertion['found']}, "
                        f"expected {assertion['expected']}")
    raise RuntimeError(f"exit {done.returncode}: {done.stderr}")


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ").replace("\t", " ")


def code(text):
    return "`" + " ".join(cell(text).split()) + "`" if text.strip() else "nothing"


def row(mutation, what):
    folder, name = os.path.split(mutation.scenario)
    return (f"| {mutation.mechanism} | `{mutation.file}` | {code(mutation.old)} | "
            f"{code(mutation.new)} | [{name}](../scenarios/{folder}/{name}.yaml) | "
            f"{cell(what)} |\n")


def check_page(page):
    if os.environ.get("TR_UPDATE"):
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page)
    return os.path.exists(PAGE) and open(PAGE, encoding="utf-8").read() == page


def main():
    chosen = [mutation for mutation in MUTATIONS if WORD in mutation.mechanism]
    page, failed = HEAD, False
    print(f"1..{len(chosen) + 2 * (not WORD)}")
    for number, mutation in enumerate(chosen, 1):
        problem, what = "", None
        try:
            with tempfile.TemporaryDirectory() as folder:
                what = seen(build(mutation, folder), mutation.scenario)
        except Exception as error:  # pylint: disable=broad-except
            problem = f"{type(error).__name__}: {error}"
        good = what is not None
        page += row(mutation, what or "?")
        failed = failed or not good
        print(f"{'ok' if good else 'not ok'} {number} - {mutation.mechanism}: {mutation.scenario}")
        for line in (problem or what or "nothing is seen").splitlines():
            print("# " + line, flush=True)
    if not WORD:
        with tempfile.TemporaryDirectory() as folder:
            same = seen(build(NO_MUTATION, folder), NO_MUTATION.scenario) is None
        current = check_page(page)
        failed = failed or not same or not current
        print(f"{'ok' if same else 'not ok'} {len(chosen) + 1} - an edit of nothing stays green")
        print(f"{'ok' if current else 'not ok'} {len(chosen) + 2} - docs/mutants.md is current")
    return 1 if failed else 0


sys.exit(main())
