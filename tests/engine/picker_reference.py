#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""RTE-2: every picker against its definition, on random states.

    picker_reference.py PICKER_DUMP

What is below the line of draws is meant to be read beside the papers that the pickers come from; it
shares nothing with the engine but the inputs that picker_dump prints. Speaks TAP.
"""
import collections
import itertools
import json
import os
import subprocess
import sys

SEED = int(os.environ.get("TR_SEED", "1"))
DECISIONS = 100000 if os.environ.get("TR_FULL") == "1" else 10000
PICK, MASK = 3, 2 ** 64 - 1


def ceil_div(a, b):
    return -(-a // b)


# ---- draws -------------------------------------------------------------------------------------

def splitmix64(x):
    x = (x + 0x9e3779b97f4a7c15) & MASK
    x = ((x ^ x >> 30) * 0xbf58476d1ce4e5b9) & MASK
    x = ((x ^ x >> 27) * 0x94d049bb133111eb) & MASK
    return x ^ x >> 31


def draw(d, name):
    """64 bits that belong to this attempt of this job and this name."""
    seed = splitmix64((d["seed"] ^ name) ^ PICK)
    return splitmix64(splitmix64(seed ^ d["job"]) ^ d["ordinal"])


def two_drawn(d, candidates):
    return sorted(candidates, key=lambda c: draw(d, c["name"]))[:2]


# ---- what is compared --------------------------------------------------------------------------

def load(c):
    """Attempts per million slots."""
    return c["load"] * 10 ** 6 // c["slots"]


def latency(d, c):
    alone = c["ttft"] + c["tpot"] * d["tokens_out"]
    return alone + alone * c["in_flight"] // c["slots"]


def bound(percent, c, candidates):
    """So much of the mean load per slot, with this job in it, as falls to this candidate."""
    total = sum(c["load"] for c in candidates) + 1
    slots = sum(c["slots"] for c in candidates)
    return ceil_div(percent * total * c["slots"], 100 * slots)


def smallest(candidates, measure):
    """The winner, and how it was found: equal measures go to the smaller name."""
    measures = [measure(c) for c in candidates]
    best = min(measures)
    equal = [c for c, m in zip(candidates, measures) if m == best]
    return min(equal, key=lambda c: c["name"]), "TIE" if len(equal) > 1 else "BEST"


# ---- pickers: the winner and how, or None: failed ----------------------------------------------

def least_outstanding(d, candidates):
    return smallest(candidates, load)


def round_robin(d, candidates):
    return smallest(candidates, lambda c: c["last_dispatch"])


def random(d, candidates):
    return smallest(candidates, lambda c: draw(d, c["name"]))


def weighted(d, candidates):
    by_name = sorted(candidates, key=lambda c: c["name"])
    total = sum(c["weight"] for c in candidates)
    if total == 0:
        return None
    point = draw(d, 0) * total >> 64
    ends = itertools.accumulate(c["weight"] for c in by_name)
    return next(c for c, end in zip(by_name, ends) if point < end), "BEST"


def two_choices(d, candidates):
    return smallest(two_drawn(d, candidates), load)


def peak_ewma(d, candidates):
    def cost(c):
        if c["peak"] == 0:
            return (1, c["load"]) if c["in_flight"] else (0, 0)
        return (0, c["peak"] * (c["load"] + 1))
    return smallest(two_drawn(d, candidates), cost)


def prequal(d, candidates):
    loads = sorted(load(c) for c in candidates)
    rank = max(1, len(candidates) * d["hot_percent"] // 100)
    cold = [c for c in candidates if load(c) <= loads[rank - 1]]
    return smallest(cold, lambda c: latency(d, c) or load(c))


def consistent_hash(d, candidates):
    if not d["session"] and not d["prefixes"]:
        return None
    key = splitmix64(d["session"] or d["prefix"])
    ring = sorted(candidates, key=lambda c: splitmix64(key ^ c["name"]))
    return next(c for c in ring
                if c["load"] + 1 <= bound(d["bound_percent"], c, candidates)), "BEST"


def best_score(d, candidates):
    def may_stick(c):
        return c["load"] <= bound(d["load_percent"], c, candidates)

    home = home_of(d, candidates)
    terms = {
        "latency": lambda c: latency(d, c),
        "cost": lambda c: ceil_div(
            c["price_in"] * d["tokens_in"] + c["price_out"] * d["tokens_out"], 10 ** 6),
        "quality": lambda c: 1000 - c["quality"],
        "load": lambda c: c["fullness"],
        "tail": lambda c: max(0, c["tail"] - d["slo"]),
        "session": lambda c: 1000 if home and c is not home else 0,
        "prefix": lambda c: 1000 - c["seen"] if may_stick(c) else 1000,
    }
    worst = {term: max(raw(c) for c in candidates) for term, raw in terms.items()}

    def score(c):
        return sum(raw(c) * 1000 // worst[term] * d["weights"][term] // 1000
                   for term, raw in terms.items() if worst[term])
    return smallest(candidates, score)


PICKERS = {
    "least-outstanding": least_outstanding, "best-score": best_score, "round-robin": round_robin,
    "random": random, "weighted": weighted, "two-choices": two_choices, "peak-ewma": peak_ewma,
    "prequal": prequal, "consistent-hash": consistent_hash,
}


# ---- decisions ---------------------------------------------------------------------------------

def eligible(d):
    """The free ones of the first step of the chain that is not all down; best-score weighs all."""
    chain = [c for c in d["candidates"] if c["up"] and not (d["strict"] and c["step"] > 0)]
    if d["picker"] != "best-score":
        first = min((c["step"] for c in chain), default=0)
        chain = [c for c in chain if c["step"] == first]
    return [c for c in chain if c["in_flight"] < c["slots"]]


def home_of(d, candidates):
    """The session's home, if it is a candidate and not crowded."""
    for c in candidates:
        if c["name"] == d["home"] and c["load"] <= bound(d["load_percent"], c, candidates):
            return c
    return None


def decide(d):
    candidates = eligible(d)
    if not candidates:
        return None, "NONE", "NONE"
    home = home_of(d, candidates)
    if home and d["picker"] != "best-score":
        return home["name"], "SESSION", "NONE"
    picked, bypass = PICKERS[d["picker"]](d, candidates), "NONE"
    if not picked:
        picked, bypass = least_outstanding(d, candidates), "FAILED"
    winner, how = picked
    return winner["name"], "ONLY" if len(candidates) == 1 else how, bypass


def main():
    dump = subprocess.Popen([sys.argv[1], str(DECISIONS), str(SEED)], stdout=subprocess.PIPE)
    seen, wrong, kinds = collections.Counter(), {}, collections.defaultdict(set)
    for line in dump.stdout:
        d = json.loads(line)
        picker, got = d["picker"], (d["winner"], d["pick"], d["bypass"])
        seen[picker] += 1
        kinds[picker].update(got[1:])
        if got != decide(d):
            wrong.setdefault(picker, []).append((line, got, decide(d)))
    complete = dump.wait() == 0 and all(seen[p] == DECISIONS for p in PICKERS)
    print(f"1..{len(PICKERS) + 1}")
    print(f"# seed {SEED}, {DECISIONS} decisions of each picker")
    print(f"{'ok' if complete else 'not ok'} 1 - every decision was printed")
    for number, picker in enumerate(PICKERS, 2):
        failed = wrong.get(picker, [])
        for line, got, wanted in failed[:1]:
            print(f"# {len(failed)} differ; got {got}, expected {wanted}: {line.decode().strip()}")
        print(f"{'not ok' if failed else 'ok'} {number} - {picker} picks as its reference"
              f" ({', '.join(sorted(kinds[picker]))})")
    return 0 if complete and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
