#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A sweep as a Slurm job array: one shard a task, as many as --array has. From the folder that holds
# the scenarios:
#
#   mkdir -p sweep && id=$(sbatch --parsable docs/sweeps/slurm.sh)
#   sbatch --dependency=afterany:$id --wrap \
#       "tailrace merge sweep/shard-*.json --json sweep/all.json --junit sweep/all.xml"
#
# A task that is requeued goes on where it was stopped.
#
#SBATCH --job-name=tailrace
#SBATCH --array=1-16
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=1G
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --output=sweep/shard-%a.log
set -eu

tailrace sim "${SCENARIOS:-scenarios}" \
	--shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
	--jobs "${SLURM_CPUS_PER_TASK:-1}" \
	--out sweep/cases \
	--json "sweep/shard-$SLURM_ARRAY_TASK_ID.json" ||
	[ $? -eq 1 ] # an assertion that does not hold is a result, which the merge reports
