# SPDX-License-Identifier: Apache-2.0
"""What mathematics knows, in exact rationals: no rounding before the last line of a table.

Times are in mean service times. Erlang (1917) for M/M/k, Pollaczek (1930) and Khinchine (1932) for
M/G/1, Student's t from Abramowitz and Stegun 26.7.4, which for an even number of degrees of freedom
is a finite sum.
"""
from fractions import Fraction
from math import isqrt


def root(x, unit=10 ** 15):
    """Rounded down to 1/unit."""
    return Fraction(isqrt(int(x * unit * unit)), unit)


def erlang_c(servers, load):
    """P(wait > 0) in M/M/k; `load` is that of one server."""
    offered = servers * load
    term, below = Fraction(1), Fraction(0)
    for k in range(servers):
        below += term
        term *= offered / (k + 1)
    waiting = term / (1 - load)
    return waiting / (below + waiting)


def wait_mmk(servers, load):
    return erlang_c(servers, load) / (servers * (1 - load))


def wait_mg1(load, second):
    """`second`: E[S^2] of a service with mean 1."""
    return load * second / (2 * (1 - load))


def gamma_moment(shape, n):
    """E[X^n] of the gamma distribution with mean 1."""
    moment = Fraction(1)
    for i in range(n):
        moment *= (shape + i) / shape
    return moment


def lines_moment(knots, n):
    """E[X^n] of straight lines between quantiles; knots: (millionths below, value)."""
    total = Fraction(0)
    for (low, a), (high, b) in zip(knots, knots[1:]):
        powers = sum(a ** i * b ** (n - i) for i in range(n + 1))
        total += Fraction(high - low, 10 ** 6) * Fraction(powers, n + 1)
    return total


def counts_moment(knots, n):
    """The same rounded to the nearest whole number: its ends have half a place each."""
    total = Fraction(0)
    for (low, a), (high, b) in zip(knots, knots[1:]):
        ends = Fraction(a ** n + b ** n, 2)
        inner = sum(x ** n for x in range(a + 1, b))
        total += Fraction(high - low, 10 ** 6) * (ends + inner) / (b - a)
    return total


def student_within(t, freedom):
    """P(|T| <= t) for an even number of degrees of freedom."""
    assert freedom % 2 == 0
    cosine2 = freedom / (freedom + t * t)
    term = total = Fraction(1)
    for i in range(1, freedom // 2):
        term *= cosine2 * Fraction(2 * i - 1, 2 * i)
        total += term
    return root(1 - cosine2) * total


def student_quantile(within, freedom):
    """t with P(|T| <= t) = within, to 10^-6, rounded down."""
    low, high = 0, 10 ** 8
    while high - low > 1:
        middle = (low + high) // 2
        if student_within(Fraction(middle, 10 ** 6), freedom) <= within:
            low = middle
        else:
            high = middle
    return Fraction(low, 10 ** 6)


def interval(batches, t):
    """Mean of the batches and the half-width of its interval."""
    count = len(batches)
    mean = sum(batches, Fraction(0)) / count
    variance = sum((x - mean) ** 2 for x in batches) / (count - 1)
    return mean, root(t * t * variance / count)


def textbook():
    """Values that anyone can look up; what differs is named."""
    known = [
        ("Erlang C of 2 servers at 50%", erlang_c(2, Fraction(1, 2)), Fraction(1, 3)),
        ("the wait of M/M/1 at 80%", wait_mmk(1, Fraction(4, 5)), 4),
        ("M/G/1 with exponential service at 80%", wait_mg1(Fraction(4, 5), 2), 4),
        ("E[X^3] of the exponential distribution", gamma_moment(Fraction(1), 3), 6),
        ("E[X^2] of 0..3 in a straight line", lines_moment([(0, 0), (10 ** 6, 3)], 2), 3),
        ("the mean of the same as counts", counts_moment([(0, 0), (10 ** 6, 3)], 1),
         Fraction(3, 2)),
    ]
    wrong = [name for name, got, want in known if got != want]
    # Abramowitz and Stegun, table 26.10: 3.460 for 60 degrees of freedom and 0.999.
    if abs(student_quantile(Fraction(999, 1000), 60) - Fraction(3460, 1000)) > Fraction(1, 2000):
        wrong.append("Student's t of 60")
    return wrong
