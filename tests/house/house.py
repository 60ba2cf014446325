#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The house rules that can be read from the text of the tree.

    house.py ROOT RULE...

Each complaint is one line, FILE:LINE: what is wrong; any complaint fails. ROOT need not be a git
repository: broken.py runs every rule on doctored copies to see it fail.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LINES_MAX = 600
SOURCE = (".c", ".h")
CODE = SOURCE + (".py", ".sh", ".build")
SCRIPT_FOLDERS = ("scripts/", ".ci/")
SCRIPT_NAMES = ("Makefile", "meson_options.txt", ".clang-format", ".clang-tidy", ".editorconfig",
                ".gitignore")


class Tree:
    def __init__(self, root):
        self.root = root
        if os.path.exists(os.path.join(root, ".git")):
            listed = subprocess.run(
                ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-co",
                 "--exclude-standard"], capture_output=True, text=True, check=True).stdout
            names = listed.splitlines()
        else:
            names = [os.path.relpath(os.path.join(folder, name), root)
                     for folder, _, files in os.walk(root) for name in files]
            names = [name for name in names if not name.startswith("build")]
        self.names = sorted(name for name in set(names)
                            if os.path.isfile(os.path.join(root, name)))

    def text(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def some(self, *endings, folder=""):
        return [name for name in self.names
                if name.endswith(endings) and name.startswith(folder)]

    def scripts_and_sources(self):
        return [name for name in self.names
                if name.endswith(CODE) or name.startswith(SCRIPT_FOLDERS) or name in SCRIPT_NAMES]


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def code_only(text):
    """Comments, strings and characters blanked; lines stay where they are."""
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text,
                  flags=re.DOTALL)


def numbered(text):
    return enumerate(text.splitlines(), 1)


# --- include arrows ------------------------------------------------------------------------------

def read_arrows():
    allowed, libc = {}, set()
    for _, line in numbered(open(os.path.join(HERE, "arrows.txt"), encoding="utf-8").read()):
        if not line or line.startswith("#"):
            continue
        folder, words = line.split(":", 1)
        if folder == "libc":
            libc.update(words.split())
        else:
            allowed[folder] = set(words.split())
    return {folder: words | libc if "libc" in words else words
            for folder, words in allowed.items()}


def folder_of(name, arrows):
    folder = os.path.dirname(name)
    while folder and folder not in arrows:
        folder = os.path.dirname(folder)
    return folder or ("." if "/" not in name else None)


def rule_arrows(tree):
    arrows = read_arrows()
    for name in tree.some(*SOURCE):
        folder = folder_of(name, arrows)
        if folder is None:
            yield name, 1, "its folder has no line in tests/house/arrows.txt"
            continue
        allowed = arrows[folder]
        for number, line in numbered(tree.text(name)):
            match = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]", line)
            if not match:
                continue
            header = match.group(2)
            if match.group(1) == "\"" and header not in tree.names:
                yield name, number, f"\"{header}\" is not a path from the root"
                continue
            word = f"<{header}>" if match.group(1) == "<" else header
            if ("everything" not in allowed and word not in allowed and
                    (os.path.dirname(word) or ".") not in allowed):
                yield name, number, f"{folder}/ may not include {word}"


# --- what engine/ must not say ---------------------------------------------------------------------

BANNED_CALLS = """malloc calloc realloc free aligned_alloc alloca time clock clock_gettime gettimeofday
    nanosleep rand srand random getrandom printf fprintf sprintf snprintf vprintf vfprintf vsnprintf
    dprintf puts fputs putchar perror fopen open read write getenv exit abort""".split()
BANNED_WORDS = ["double", "float", "asm", "__asm__", "__builtin_ia32_rdtsc", "FILE", "stdout", "stderr", "_Complex", "__DATE__", "__TIME__"]


def rule_banned(tree):
    calls = re.compile(r"(?<![\w.>])(" + "|".join(BANNED_CALLS) + r")\s*\(")
    words = re.compile(r"\b(" + "|".join(BANNED_WORDS) + r")\b")
    for name in tree.some(*SOURCE, folder="engine/"):
        if name.startswith("engine/policy/") and name != "engine/policy/policy.h":
            continue
        for number, line in numbered(code_only(tree.text(name))):
            for match in list(calls.finditer(line)) + list(words.finditer(line)):
                yield name, number, f"{match.group(1)} has no place in engine/"


def rule_documented(tree):
    """A block of declarations without blank lines begins with a comment. Inline accessors speak for
    themselves."""
    for name in tree.some(".h", folder="engine/"):
        text = tree.text(name)
        code = code_only(text).splitlines()
        commented, depth = False, 0
        for number, line in numbered(text):
            bare = code[number - 1]
            starts = depth == 0 and re.match(r"[A-Za-z_].*\btr_\w+\s*\(", bare)
            if starts and not commented and not bare.startswith(("typedef", "static inline")):
                function = re.search(r"\b(tr_\w+)\s*\(", bare).group(1)
                yield name, number, f"{function} has no comment above it"
            depth += bare.count("{") - bare.count("}")
            if not line.strip():
                commented = commented and depth > 0
            elif not bare.strip():
                commented = True


# --- every file -------------------------------------------------------------------------------------

def rule_size(tree):
    for name in tree.scripts_and_sources():
        lines = tree.text(name).count("\n")
        if lines > LINES_MAX:
            yield name, lines, f"{lines} lines, more than {LINES_MAX}: what is the second purpose?"


def rule_licence(tree):
    for name in tree.scripts_and_sources():
        head = "\n".join(tree.text(name).splitlines()[:3])
        if "SPDX-License-Identifier: Apache-2.0" not in head:
            yield name, 1, "no SPDX-License-Identifier in the first three lines"


def rule_forgotten(tree):
    words = re.compile(r"\b(FIX" r"ME|TO" r"DO|XX" r"X|HA" r"CK)\b")
    for name in tree.scripts_and_sources() + tree.some(".md", ".yaml", ".yml", ".json"):
        for number, line in numbered(tree.text(name)):
            match = words.search(line)
            if match and "SKIP|" not in line:
                yield name, number, f"forgotten {match.group(1)}"


def rule_paths(tree):
    paths = re.compile(r"(?<![\w.$})/-])/(home|root|Users|work|mnt)/\w")
    for name in tree.names:
        if os.path.getsize(os.path.join(tree.root, name)) > 1 << 20:
            continue
        for number, line in numbered(tree.text(name)):
            if paths.search(line):
                yield name, number, "the path of somebody's machine"


def rule_registered(tree):
    for name in tree.some(".c", folder="tests/"):
        base = os.path.basename(name)
        if not base.startswith("test_"):
            continue
        folder, texts = os.path.dirname(name), []
        while folder:
            if folder + "/meson.build" in tree.names:
                texts.append(tree.text(folder + "/meson.build"))
            folder = os.path.dirname(folder)
        words = re.compile("'(%s|%s|%s)'" % (re.escape(base), base[:-2], base[5:-2]))
        if not any(words.search(text) for text in texts):
            yield name, 1, "no meson.build above it runs this test"


RULES = {name[5:]: function for name, function in globals().items() if name.startswith("rule_")}


def main():
    if len(sys.argv) < 3 or any(rule not in RULES for rule in sys.argv[2:]):
        sys.exit("usage: house.py ROOT RULE...; rules: " + " ".join(RULES))
    tree = Tree(sys.argv[1])
    failed = False
    for rule in sys.argv[2:]:
        for name, number, message in RULES[rule](tree):
            failed = True
            print(f"{name}:{number}: {message}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
