#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write sim/tables/gamma.c: quantiles of the gamma distribution with mean 1, as integers.

    generate.py [--check] FILE

With --check FILE is compared instead: every knot must agree to one unit in the last place, so that
another machine's libm is not called a change.

Each half of the unit interval (below and above the median) is cut at 2^-1, 2^-2, ... 2^-OCTAVES
of probability, each octave into CELLS equal cells: fine where the distribution is thin. A knot is
the exact quantile: the inverse of the regularised incomplete gamma function P(a, x) (Abramowitz
and Stegun 6.5: series 6.5.29 below a + 1, continued fraction 6.5.31 above), found by bisection. The
very last knot stands for the whole tail behind it and is chosen so that a straight line to it has
the tail's mean. At the end all knots are scaled so that the mean of the interpolated distribution
is 1 exactly; that moves them by less than 10^-3 of their value.
"""
import math
import sys

OCTAVES = 16
CELLS = 16
UNIT = 1 << 24
SHAPES = [("0_1", 0.1), ("0_25", 0.25), ("0_5", 0.5), ("1", 1.0), ("2", 2.0), ("4", 4.0),
          ("16", 16.0)]
TINY = 1e-300


def tails(a, x):
    """P(X <= x) and P(X > x) of the gamma distribution with shape a and scale 1."""
    if x <= 0:
        return 0.0, 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while term > total * 1e-17:
            n += 1
            term *= x / n
            total += term
        return front * total, 1 - front * total
    b = x + 1 - a
    c = 1 / TINY
    d = 1 / b
    h = d
    for i in range(1, 10000):
        an = -i * (i - a)
        b += 2
        d = an * d + b
        d = 1 / (d if abs(d) > TINY else TINY)
        c = b + an / c
        c = c if abs(c) > TINY else TINY
        h *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return 1 - front * h, front * h


def quantile(a, probability, upper):
    low, high = 0.0, 1.0
    side = 1 if upper else 0
    beyond = (lambda x: tails(a, x)[1] < probability) if upper else (
        lambda x: tails(a, x)[0] > probability)
    while not beyond(high):
        high *= 2
    # In logarithms, because shapes below 1 have quantiles of 10^-50.
    low = high
    while beyond(low) and low > 1e-280:
        low /= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if beyond(middle):
            high = middle
        else:
            low = middle
    return (low + high) / 2


def knots(a, upper):
    """From the end of the tail to the median."""
    row = []
    for octave in reversed(range(OCTAVES)):
        for cell in range(CELLS):
            probability = 2.0 ** -(octave + 2) * (1 + cell / CELLS)
            row.append(quantile(a, probability, upper) / a)
    row.append(quantile(a, 0.5, upper) / a)
    edge = 2.0 ** -(OCTAVES + 1)
    if upper:
        # E[X; X > q] of shape a is a P(X' > q) of shape a + 1.
        mean = tails(a + 1, row[0] * a)[1] / edge
    else:
        mean = tails(a + 1, row[0] * a)[0] / edge
    return [max(0.0, 2 * mean - row[0])] + row


def weights():
    """Probability mass of the cells of one half, from the end of the tail."""
    row = [2.0 ** -(OCTAVES + 1)]
    for octave in reversed(range(OCTAVES)):
        row += [2.0 ** -(octave + 2) / CELLS] * CELLS
    return row


def table(a):
    halves = [knots(a, False), knots(a, True)]
    mean = sum(w * (half[i] + half[i + 1]) / 2
               for half in halves for i, w in enumerate(weights()))
    return [[round(x / mean * UNIT) for x in half] for half in halves], mean


def text():
    out = ["""/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantiles of the gamma distribution with mean 1 in units of 2^-24, written by
 * sim/tables/generate.py: do not edit. The layout is explained in sim/quantile.h.
 */
#include "sim/quantile.h"

/* clang-format off */
const uint32_t tr_gamma_knots[TR_GAMMA_COUNT][2][TR_QUANTILE_KNOTS] = {"""]
    for name, a in SHAPES:
        halves, mean = table(a)
        assert max(max(half) for half in halves) < 1 << 31
        assert abs(mean - 1) < 1e-3, (name, mean)
        out.append(f"\t[TR_GAMMA_{name}] = {{")
        for half in halves:
            out.append("\t\t{")
            for i in range(0, len(half), 9):
                out.append("\t\t\t" + " ".join(f"{x}," for x in half[i:i + 9]))
            out.append("\t\t},")
        out.append("\t},")
    out.append("};")
    return "\n".join(out) + "\n"


def numbers(source):
    lines = source[source.index("clang-format off"):].splitlines()
    return [int(word.strip(",")) for line in lines if line.startswith("\t\t\t")
            for word in line.split()]


def main():
    check = sys.argv[1:2] == ["--check"]
    if len(sys.argv) != 2 + check:
        sys.exit("usage: generate.py [--check] FILE")
    path = sys.argv[-1]
    if not check:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text())
        return
    with open(path, encoding="utf-8") as file:
        old = numbers(file.read())
    new = numbers(text())
    if len(old) != len(new) or any(abs(a - b) > 1 for a, b in zip(old, new)):
        sys.exit(f"{path}: is not what generate.py writes")


if __name__ == "__main__":
    main()
