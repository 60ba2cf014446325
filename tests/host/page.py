#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/host.md must know every event, action and error there is, and number its rules.

    page.py ROOT
"""
import os
import re
import sys

LISTS = (("engine/message.h", "TR_EVENT_MAP", "`%s`"), ("engine/message.h", "TR_ACTION_MAP", "`%s`"),
         ("engine/base.h", "TR_ERROR_MAP", "`TR_E_%s`"))


def names(text, title):
    body = re.search(r"#define %s\(X\)((?:.*\\\n)*.*\n)" % title, text).group(1)
    return re.findall(r"\bX\((\w+),", body)


def complaints(root):
    def read(name):
        with open(os.path.join(root, name), encoding="utf-8") as file:
            return file.read()

    page = read("docs/host.md")
    for name, title, form in LISTS:
        found = names(read(name), title)
        assert len(found) > 5, title
        for word in found:
            if form % word not in page:
                yield f"{title}: {form % word} is not in the page"
    rules = [int(n) for n in re.findall(r"^\| H(\d+) \|", page, re.MULTILINE)]
    if rules != list(range(1, len(rules) + 1)):
        yield f"its rules are numbered {rules}"
    for number in re.findall(r"\bH(\d+)\b", page + read("tests/host/test_host.c")):
        if int(number) not in rules:
            yield f"there is no rule H{number}"
    if "docs/host.md" not in read("engine/engine.h"):
        yield "engine/engine.h does not name it"


found = list(complaints(sys.argv[1]))
for line in found:
    print("docs/host.md:", line)
sys.exit(1 if found else 0)
