#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions per life cycle, counted by callgrind, against the committed figures.

    instructions.py BENCH_ENGINE FIGURES      TR_UPDATE=1 writes FIGURES

Time depends on the machine and on what else it does; the number of instructions of one binary does
not. Each scene runs twice, with N and with 2N cycles, and the difference is the cost of N. More
than 5% above the figure fails; more than 5% below asks for the figure to be lowered.
"""
import os
import re
import subprocess
import sys
import tempfile

SLACK_PERCENT = 5
CYCLES = 3000


def instructions(bench, scene, cycles):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", bench,
             "--cycles", str(cycles), scene], capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"Bail out! callgrind on {scene}: {done.stderr[-300:]}")
    return int(found.group(1))


def read(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {scene: int(figure) for scene, figure in lines}


def write(path, figures):
    with open(path, "w", encoding="utf-8") as file:
        file.write("# SPDX-License-Identifier: Apache-2.0\n"
                   "# Instructions per life cycle by scene of bench_engine; gcc 12, x86_64, -O2.\n")
        file.writelines(f"{scene} {figure}\n" for scene, figure in figures.items())


def main():
    bench, path = sys.argv[1:3]
    wanted = read(path)
    measured = {}
    print(f"1..{len(wanted)}")
    for number, (scene, figure) in enumerate(wanted.items(), 1):
        cost = (instructions(bench, scene, 2 * CYCLES) - instructions(bench, scene, CYCLES)) // CYCLES
        measured[scene] = cost
        off = 100 * (cost - figure) / figure
        good = abs(off) <= SLACK_PERCENT
        print(f"{'ok' if good else 'not ok'} {number} - {scene}: {cost} instructions per life "
              f"cycle, {off:+.1f}% of {figure}", flush=True)
        if off < -SLACK_PERCENT:
            print("# cheaper than the figure: lower it with TR_UPDATE=1")
    if os.environ.get("TR_UPDATE"):
        write(path, measured)


if __name__ == "__main__":
    main()
