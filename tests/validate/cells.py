# SPDX-License-Identifier: Apache-2.0
"""What is validated: the queues with their loads and lengths, and the samplers.

Lengths are those that the asymptotic variance of the mean asks for (Whitt 1989, Planning queueing
simulations), at least a third above what brings the half-width to its limit. They differ by a
factor of a hundred because few wait in a large pool at a low load; where fewer than 1% wait, the
limit is absolute and asks for next to nothing.
"""
from dataclasses import dataclass
from fractions import Fraction

import theory

# Knots of services[] in truth.c, and of the defaults in sim/workload.c.
TOKENS = [(0, 1), (500000, 19), (900000, 200), (1000000, 424)]
SIZES_IN = [(0, 3), (500000, 1469), (900000, 5186), (990000, 7436), (1000000, 7437)]
SIZES_OUT = [(0, 1), (500000, 13), (900000, 55), (990000, 252), (1000000, 1899)]

# word: (the queue of one server, E[S^2] of a service with mean 1)
SERVICES = {
    "exponential": ("M/M/1", Fraction(2)),
    "constant": ("M/D/1", Fraction(1)),
    "half": ("M/G/1, half constant", Fraction(5, 4)),
    "product": ("M/G/1, product", Fraction(4)),
    "tokens": ("M/G/1, tokens",
               theory.counts_moment(TOKENS, 2) / theory.counts_moment(TOKENS, 1) ** 2),
}


@dataclass(frozen=True)
class Cell:
    service: str
    slots: int
    percent: int
    requests: int

    @property
    def title(self):
        return f"M/M/{self.slots}" if self.service == "exponential" else SERVICES[self.service][0]

    @property
    def load(self):
        return Fraction(self.percent, 100)

    @property
    def rate_micro(self):
        """The mean service time is 1 s."""
        return self.slots * self.percent * 10000

    @property
    def seed(self):
        return list(SERVICES).index(self.service) * 10000 + self.slots * 100 + self.percent

    @property
    def waiting(self):
        return theory.erlang_c(self.slots, self.load)

    @property
    def wait(self):
        if self.service == "exponential":
            return theory.wait_mmk(self.slots, self.load)
        return theory.wait_mg1(self.load, SERVICES[self.service][1])

    def batch(self, batches):
        """Requests of one batch, a round number."""
        return -(-self.requests // (batches * 100)) * 100


# (service, slots): {load in percent: requests in units of 100,000}
LENGTHS = {
    ("exponential", 1): {50: 14, 60: 19, 70: 29, 80: 55, 90: 188, 95: 112},
    ("exponential", 2): {50: 24, 60: 28, 70: 38, 80: 67, 90: 208, 95: 118},
    ("exponential", 8): {50: 170, 60: 119, 70: 107, 80: 131, 90: 291, 95: 140},
    ("exponential", 32): {50: 20, 60: 200, 70: 988, 80: 507, 90: 567, 95: 196},
    ("constant", 1): {50: 7, 70: 15, 90: 94, 95: 56},
    ("half", 1): {50: 9, 70: 18, 90: 118, 95: 70},
    ("product", 1): {50: 33, 70: 67, 90: 445, 95: 265},
    ("tokens", 1): {50: 20, 70: 40, 90: 263, 95: 157},
}
CELLS = [Cell(service, slots, percent, length * 100000)
         for (service, slots), row in LENGTHS.items() for percent, length in row.items()]

_quick = {("exponential", 1, 70), ("exponential", 2, 80), ("exponential", 8, 70),
          ("exponential", 32, 50), ("constant", 1, 90), ("tokens", 1, 70)}
QUICK = [cell for cell in CELLS if (cell.service, cell.slots, cell.percent) in _quick]


@dataclass(frozen=True)
class Sampler:
    name: str
    title: str
    unit: int
    moment: object


SAMPLERS = [
    Sampler(f"gamma-{shape}", f"gamma, shape {shape}" if shape != "1" else "exponential", 1 << 24,
            lambda n, shape=Fraction(shape): theory.gamma_moment(shape, n))
    for shape in ("0.1", "0.25", "0.5", "1", "2", "4", "16")
] + [
    Sampler("sizes-in", "prompt tokens, default", 1, lambda n: theory.lines_moment(SIZES_IN, n)),
    Sampler("sizes-out", "answer tokens, default", 1, lambda n: theory.lines_moment(SIZES_OUT, n)),
]
