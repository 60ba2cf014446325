#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# engine/ is pure: compiled in one fixed way (gcc -O2, hardened), its objects leave nothing
# undefined but what symbols.txt allows. Source is where intentions are; symbols are what is there.
#
#   purity.sh ROOT
set -eu
root=${1:?usage: purity.sh ROOT}
here=$(cd "$(dirname "$0")" && pwd)
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

for file in "$root"/engine/*.c; do
	gcc -std=gnu11 -O2 -D_GNU_SOURCE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fPIE \
		-fno-strict-aliasing -fstack-protector-strong -fstack-clash-protection \
		-fcf-protection -ftrivial-auto-var-init=zero \
		-I"$root" -c "$file" -o "$objects/$(basename "$file" .c).o"
done

# Arithmetic of integers alone: floating point that leaves no symbol does not compile. (x86-64 only;
# xxHash is told to do without vectors, which gives the same hashes.)
find "$root/engine" -name '*.c' ! -path '*/policy/*' | while read -r file; do
	[ "$(uname -m)" != x86_64 ] ||
		gcc -std=gnu11 -O2 -D_GNU_SOURCE -mgeneral-regs-only -DXXH_VECTOR=0 -I"$root" \
			-c "$file" -o /dev/null
done

nm --defined-only --format=posix "$objects"/*.o | awk 'NF > 1 && $2 ~ /[A-Z]/ { print $1 }' \
	>"$objects/allowed"
grep -v '^#' "$here/symbols.txt" | tr ' ' '\n' >>"$objects/allowed"

status=0
for object in "$objects"/*.o; do
	for symbol in $(nm --undefined-only --format=posix "$object" | awk '{ print $1 }'); do
		if ! grep -qxF -- "$symbol" "$objects/allowed"; then
			echo "engine/$(basename "$object" .o).c: uses $symbol, which" \
				"tests/house/symbols.txt does not allow"
			status=1
		fi
	done
done
exit $status
