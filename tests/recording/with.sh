#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# with.sh KIND COMMAND: run a shell command in a folder of its own that holds a recording of this
# kind as run.trr, and remove the folder. Hashes are dots and places N, whatever they are.
set -o pipefail
folder=$(mktemp -d) || exit 9
trap 'rm -rf "$folder"' EXIT
cd "$folder" && "$MAKE_RECORDING" "$1" run.trr || exit 9
sh -c "$2" 2> err | sed 's/\b[0-9a-f]\{16\}\b/................/g'
code=$?
sed 's/byte [1-9][0-9]*/byte N/' err >&2
exit $code
