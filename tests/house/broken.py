#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The test of the house tests: break each rule in the smallest way and see its test say where.

    broken.py ROOT      speaks TAP
"""
import os
import shutil
import subprocess
import sys
import tempfile

from house import HERE, RULES, Tree

EVERY_HEADER = "/* SPDX-License-Identifier: Apache-2.0 */\n"
CALL = "uint64_t tr_broken(void);\nuint64_t tr_broken(void)\n{{\n\treturn (uint64_t){};\n}}\n"


def append(name, text):
    def doctor(root):
        with open(os.path.join(root, name), "a", encoding="utf-8") as file:
            file.write(text)
    return name, doctor


def create(name, text):
    def doctor(root):
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text)
    return name, doctor


def replace(name, old, new):
    def doctor(root):
        path = os.path.join(root, name)
        text = open(path, encoding="utf-8").read()
        assert old in text, f"{name} no longer holds {old!r}"
        open(path, "w", encoding="utf-8").write(text.replace(old, new, 1))
    return name, doctor


# (rule, what is done, (the file that must be named, the doctor))
CASES = [
    ("purity", "a clock behind another name",
     append("engine/histogram.c", "#include <time.h>\n" + CALL.format("(time)(0)"))),
    ("purity", "an allocation behind a builtin",
     append("engine/reason.c", CALL.format("(uintptr_t)__builtin_malloc(8)"))),
    ("purity", "a call back into the host",
     append("engine/message.c", "uint64_t host_now(void);\n" + CALL.format("host_now()"))),
    ("arrows", "the engine includes a trace reader",
     append("engine/reason.c", "#include \"traces/trace.h\"\n")),
    ("arrows", "the engine includes the loader",
     append("engine/message.c", "#include \"engine/policy/load.h\"\n")),
    ("arrows", "the engine includes a clock", append("engine/reason.h", "#include <time.h>\n")),
    ("arrows", "a reader includes the command line",
     append("traces/trace.h", "#include \"cli/command.h\"\n")),
    ("arrows", "a path that is not from the root",
     append("cli/parse.c", "#include \"output.h\"\n")),
    ("arrows", "a folder that the table does not know",
     create("attic/old.c", EVERY_HEADER)),
    ("banned", "an allocation", append("engine/reason.c", "void *p = malloc(8);\n")),
    ("banned", "the time of day", append("engine/message.c", "long t = time(0);\n")),
    ("banned", "floating point in a header", append("engine/reason.h", "extern double tr_x;\n")),
    ("banned", "printing", append("engine/histogram.c", "void f(void) { printf(\"x\"); }\n")),
    ("documented", "a function without a word", append("engine/reason.h", "\nint tr_mute(int);\n")),
    ("format", "spaces where a tab belongs",
     append("cli/output.c", "int f(void)\n{\n    return 1;\n}\n")),
    ("size", "a file with a second purpose", append("cli/help.c", "\n" * 601)),
    ("licence", "a source without its licence", create("cli/orphan.c", "int tr_orphan;\n")),
    ("licence", "a script without its licence", create("scripts/orphan", "#!/bin/sh\n")),
    ("forgotten", "a note to oneself", append("cli/help.c", "/* TO" "DO */\n")),
    ("paths", "the path of a machine", append("scripts/build", "cp a /home/" "me/b\n")),
    ("registered", "a test that nobody runs",
     create("tests/cli/test_nobody.c", EVERY_HEADER)),
]

COMMANDS = {rule: ["/usr/bin/python3", os.path.join(HERE, "house.py")] for rule in RULES}
COMMANDS["purity"] = [os.path.join(HERE, "purity.sh")]
COMMANDS["format"] = [os.path.join(HERE, "format.sh")]


def copy(tree, folder):
    for name in tree.names:
        target = os.path.join(folder, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(os.path.join(tree.root, name), target)


def why_not_seen(rule, folder, name):
    """What is wrong with the rule's test on the doctored copy, or None."""
    words = COMMANDS[rule] + [folder] + ([rule] if rule in RULES else [])
    done = subprocess.run(words, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if done.returncode == 0:
        return "the rule's test passed"
    if not any(line.startswith(name + ":") for line in said.splitlines()):
        return f"{name} is not named: {said}"
    return None


def main():
    tree = Tree(sys.argv[1])
    print(f"1..{len(CASES) + 1}")
    untested = set(COMMANDS) - {rule for rule, _, _ in CASES}
    print(f"{'not ok' if untested else 'ok'} 1 - every rule is broken once {' '.join(untested)}")
    failed = bool(untested)
    for number, (rule, what, (name, doctor)) in enumerate(CASES, 2):
        with tempfile.TemporaryDirectory() as folder:
            copy(tree, folder)
            doctor(folder)
            problem = why_not_seen(rule, folder, name)
        failed = failed or problem is not None
        print(f"{'not ok' if problem else 'ok'} {number} - {rule} sees {what}", flush=True)
        for line in (problem or "").splitlines():
            print("# " + line)
    return 1 if failed else 0


sys.exit(main())
