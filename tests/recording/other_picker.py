#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Change one line of the pickers: of two equal candidates the larger name hash wins.

    other_picker.py engine/picker.c OUTPUT

With it a program is built that decides a little differently, and a replay must say so.
"""
import re
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
changed, count = re.subn(
    r"(\.name) < (d->e->endpoint\[best->endpoint\]\.name)", r"\1 > \2", text)
if count != 1:
    sys.exit(f"{sys.argv[1]}: the tie-break was found {count} times, not once")
with open(sys.argv[2], "w", encoding="utf-8") as file:
    file.write(changed)
