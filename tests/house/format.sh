#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every source file is as clang-format writes it.
#
#   format.sh ROOT
set -eu
cd "${1:?usage: format.sh ROOT}"

if [ -e .git ]; then
	git -c safe.directory='*' ls-files -co --exclude-standard '*.c' '*.h'
else
	find . \( -name '*.c' -o -name '*.h' \) -print | sed 's,^\./,,'
fi | sort | while read -r file; do
	[ ! -f "$file" ] || printf '%s\n' "$file"
done | xargs clang-format-14 --style=file --dry-run -Werror
