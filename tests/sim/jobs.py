#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The job files of docs/sweeps, each run with a stand-in for its scheduler: merged, their shards are
the run on one machine, to the byte. SIM-8

    jobs.py PROGRAM ROOT
"""
import os
import re
import subprocess
import sys
import tempfile

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
POLICY = "policy: {models: {m: {endpoints: {a: {slots: 4}}}}}\n"
# Replaces {} by each argument behind ":::", as GNU parallel does.
PARALLEL = """#!/bin/sh
set -eu
command=
while [ "$1" != ::: ]; do
	case $1 in
	--workdir|--joblog) shift ;;
	*) command="$command $1" ;;
	esac
	shift
done
shift
for word; do sh -c "$(printf '%s' "$command" | sed "s/{}/$word/g")"; done
"""


def job(name):
    with open(os.path.join(ROOT, "docs/sweeps", name), encoding="utf-8") as file:
        return file.read()


def shell(folder, text, *words, **variables):
    path = os.pathsep.join([folder + "/bin", os.path.dirname(PROGRAM), os.environ.get("PATH", "")])
    done = subprocess.run(["/bin/sh", "-ec", text, "job", *words], cwd=folder, timeout=120,
                          capture_output=True, env={**os.environ, **variables, "PATH": path})
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.returncode


def merge(folder):
    return shell(folder, "tailrace merge sweep/shard-*.json --json sweep/all.json "
                 "--junit sweep/all.xml")


def slurm(folder):
    text = job("slurm.sh")
    count = int(re.search(r"^#SBATCH --array=1-(\d+)$", text, re.MULTILINE).group(1))
    for task in range(1, count + 1):
        assert shell(folder, text, SLURM_ARRAY_TASK_ID=str(task), SLURM_CPUS_PER_TASK="2",
                     SLURM_ARRAY_TASK_COUNT=str(count)) == 0
    return merge(folder)


def kubernetes(folder):
    text = job("kubernetes.yaml")
    count = int(re.search(r"completions: (\d+)", text).group(1))
    assert re.search(r'name: SHARDS .*\n +value: "(\d+)"', text).group(1) == str(count)
    script = re.search(r"args:\n +- \|\n((?: {14}.*\n)+)", text).group(1)
    script = script.replace("/sweep/", "sweep/").replace("/scenarios", "scenarios")
    for index in range(count):
        assert shell(folder, script, JOB_COMPLETION_INDEX=str(index), SHARDS=str(count)) == 0
    return merge(folder)


def parallel(folder):
    path = os.path.join(folder, "bin/parallel")
    with open(path, "w", encoding="utf-8") as file:
        file.write(PARALLEL)
    os.chmod(path, 0o755)
    return shell(folder, job("parallel.sh"), "5")


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def try_job(play):
    with tempfile.TemporaryDirectory() as folder:
        for name in ["scenarios", "sweep", "bin"]:
            os.mkdir(os.path.join(folder, name))
        for name in "abc":
            with open(os.path.join(folder, f"scenarios/{name}.yaml"), "w", encoding="utf-8") as file:
                file.write(POLICY + "seeds: 1..7\nworkload: {rate: 1}\nrequests: 20\n"
                           "assert:\n  - {value: ttft_max_ms, below: 700}\n")
        whole = shell(folder, "tailrace sim scenarios --json all.json --junit all.xml")
        assert whole == 1, "some case must fail, or the jobs' handling of it is not tried"
        assert play(folder) == whole
        for ending in ["json", "xml"]:
            assert read(folder, "sweep/all." + ending) == read(folder, "all." + ending), ending


def main():
    print("1..3")
    for number, play in enumerate([slurm, kubernetes, parallel], 1):
        try:
            try_job(play)
            print(f"ok {number} - {play.__name__}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            print(f"not ok {number} - {play.__name__}")
            for line in f"{type(error).__name__}: {error}".splitlines():
                print(f"# {line}", flush=True)


main()
