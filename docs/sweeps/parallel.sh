#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A sweep with GNU parallel, on this machine or, with --sshloginfile, on those of a list that share
# this folder. From the folder that holds the scenarios:
#
#   docs/sweeps/parallel.sh 16
#
# Run again after an interruption, it goes on where it was stopped.
set -eu
shards=${1:-4}

mkdir -p sweep
parallel --workdir . --joblog sweep/jobs.log \
	"tailrace sim ${SCENARIOS:-scenarios} --shard {}/$shards --jobs 1 --out sweep/cases" \
	"--json sweep/shard-{}.json >sweep/shard-{}.log || [ \$? -eq 1 ]" ::: $(seq "$shards")
tailrace merge sweep/shard-*.json --json sweep/all.json --junit sweep/all.xml
