#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hold the simulator to queueing theory.

    validate.py TRUTH PAGE          every cell; the figures must be those of PAGE, to the digit
    validate.py TRUTH PAGE quick    six cells at a sixteenth of their length, and PAGE as it stands

TRUTH is the driver (truth.c), PAGE is docs/validation.md; TR_UPDATE=1 writes it. Speaks TAP.

A cell is one queue at one load. Its mean wait is estimated from the means of 61 batches behind one
that is thrown away because it begins with an empty system. Where at least 1% wait, the exact mean
must lie within the 99.9% interval (Student's, 60 degrees of freedom), and the half-width of the
interval within 2% of it, 5% at a load of 95%. Where fewer wait, relative errors say little: the
error must be below 0.1% of the mean service time. Seeds are constant, so a cell fails for ever or
never; one interval in a thousand may be missed by chance, and none of these is.
"""
import concurrent.futures
import os
import subprocess
import sys
from fractions import Fraction

import page
import theory
from cells import CELLS, QUICK, SAMPLERS

BATCHES = 61
SECOND = 10 ** 9
WITHIN = Fraction(999, 1000)
QUICK_SHARE = 16
RARE = Fraction(1, 100)
ERROR_MAX = Fraction(1, 1000)
MOMENT_MAX = Fraction(1, 1000)


def run(truth, *words):
    done = subprocess.run([truth, *map(str, words)], capture_output=True, text=True, check=True)
    return done.stdout.split()


def simulate(truth, cell, share=1, endpoints=1):
    """Mean waits of the batches, in mean service times."""
    size = cell.batch(BATCHES) // share
    sums = run(truth, "queue", cell.slots // endpoints, endpoints, cell.rate_micro, cell.service,
               size, BATCHES, cell.seed)
    return [Fraction(int(line), size * SECOND) for line in sums]


def width_max(cell):
    return Fraction(5, 100) if cell.load == Fraction(95, 100) else Fraction(2, 100)


def judge(cell, mean, width, share=1):
    """None, or what is wrong. A sixteenth of the length has an interval of four times the width."""
    off = abs(mean - cell.wait)
    if cell.waiting < RARE:
        if off >= ERROR_MAX:
            return f"off by {float(off):.6f} mean service times"
        return None
    if off > width:
        return f"the exact wait is {float(off / width):.2f} half-widths away"
    if width > width_max(cell) * cell.wait * int(share ** 0.5):
        return f"the half-width is {float(width / cell.wait):.1%} of the exact wait"
    return None


def moments(truth, sampler):
    """How far mean, variance and third moment are off, relatively."""
    count, *sums = run(truth, "sampler", sampler.name)
    found = [Fraction(int(total, 16), int(count) * sampler.unit ** (n + 1))
             for n, total in enumerate(sums)]
    want = [sampler.moment(n) for n in (1, 2, 3)]
    return (found[0] / want[0] - 1,
            (found[1] - found[0] ** 2) / (want[1] - want[0] ** 2) - 1,
            found[2] / want[2] - 1)


class Tap:
    def __init__(self, count):
        self.number = 0
        self.failed = 0
        print(f"1..{count}", flush=True)

    def row(self, name, wrong):
        self.number += 1
        self.failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {self.number} - {name}"
              f"{': ' + wrong if wrong else ''}", flush=True)


# SIM-2
def check_samplers(tap, truth):
    figures = []
    for sampler in SAMPLERS:
        off = moments(truth, sampler)
        wrong = max(map(abs, off[:2])) > MOMENT_MAX
        tap.row(f"{sampler.title}: mean and variance within 0.1%",
                f"{float(off[0]):+.3%}, {float(off[1]):+.3%}" if wrong else None)
        figures.append(off)
    return figures


# SIM-3
def check_cells(tap, truth, cells, share):
    """Runs as many at once as there are processors; tells in the order of the table."""
    t = theory.student_quantile(WITHIN, BATCHES - 1)
    rows = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        longest = sorted(cells, key=lambda cell: -cell.requests)
        runs = {cell: pool.submit(simulate, truth, cell, share) for cell in longest}
        for cell in cells:
            if runs[cell].exception():
                tap.row(f"{cell.title} at {cell.percent}%", str(runs[cell].exception()))
                continue
            mean, width = theory.interval(runs[cell].result(), t)
            tap.row(f"{cell.title} at {cell.percent}%: wait {float(mean):.5f} "
                    f"+- {float(width):.5f}, exact {float(cell.wait):.5f}",
                    judge(cell, mean, width, share))
            rows.append(page.Figures(cell, mean, width))
    return rows


def check_endpoints(tap, truth):
    """One endpoint of eight slots and eight endpoints of one slot are the same queue."""
    cell = next(cell for cell in QUICK if cell.slots == 8)
    try:
        one, eight = (simulate(truth, cell, 100, endpoints) for endpoints in (1, 8))
        wrong = None if one == eight else "they differ"
    except subprocess.CalledProcessError as error:
        wrong = str(error)
    tap.row("eight endpoints of one slot have the waits of one endpoint of eight, to the ns", wrong)


def main():
    quick = sys.argv[3:] == ["quick"]
    if len(sys.argv) != 3 + quick:
        sys.exit("usage: validate.py TRUTH PAGE [quick]")
    truth, path = sys.argv[1:3]
    cells = QUICK if quick else CELLS
    tap = Tap(1 + len(SAMPLERS) + len(cells) + 3)
    tap.row("the theory has the textbooks' values", ", ".join(theory.textbook()))
    offs = check_samplers(tap, truth)
    rows = check_cells(tap, truth, cells, QUICK_SHARE if quick else 1)
    check_endpoints(tap, truth)
    with open(path, encoding="utf-8") as file:
        old = file.read()
    measured = page.measured_of(old)
    if not quick and os.environ.get("TR_UPDATE"):
        old = page.render(rows, offs, measured)
        with open(path, "w", encoding="utf-8") as file:
            file.write(old)
    shown = page.read(old, CELLS)
    tap.row("every cell of the page holds",
            ", ".join(f"{figures.cell.title} at {figures.cell.percent}%" for figures in shown
                      if judge(figures.cell, figures.mean, figures.width)))
    # A short run takes what was measured from the page; all else on it must follow from here.
    tap.row(f"{os.path.basename(path)} says what was measured",
            None if page.render(shown if quick else rows, offs, measured) == old
            else "it differs; TR_UPDATE=1 make validate")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
