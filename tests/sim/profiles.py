#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped profiles: each is well formed, and says what its source measured.

    profiles.py TAILRACE SOURCE_ROOT
    profiles.py TAILRACE SOURCE_ROOT measured

With splitwise-sim's measurements, from TAILRACE_TRACES: the formula of docs/simulation.md with a profile's numbers against
the median of each measurement, within what the profile says of its fit.
"""
import collections
import csv
import json
import os
import statistics
import subprocess
import sys

# Profile: key of the measurements, per token within, to the first token within, from so many tokens on.
FITS = {
    "llama2-70b-a100-tp8": (("llama2-70b", "a100-80gb", "8"), 0.07, 0.06, 256),
    "llama2-70b-a100-tp4": (("llama2-70b", "a100-80gb", "4"), 0.07, 0.07, 128),
    "llama2-70b-h100-tp8": (("llama2-70b", "h100-80gb", "8"), 0.07, 0.15, 512),
    "llama2-70b-h100-tp4": (("llama2-70b", "h100-80gb", "4"), 0.07, 0.14, 256),
    "bloom-176b-a100-tp8": (("bloom-176b", "a100-80gb", "8"), 0.07, 0.09, 128),
    "bloom-176b-h100-tp8": (("bloom-176b", "h100-80gb", "8"), 0.06, 0.14, 128),
}


def say(good, number, text):
    print(f"{'ok' if good else 'not ok'} {number} - {text}")


def load(tailrace, path):
    done = subprocess.run([tailrace, "check", "--canonical", path], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def measured(path):
    """(model, hardware, parallelism) -> (prompt, batch, answer) -> medians of prompt and token ms."""
    times = collections.defaultdict(lambda: collections.defaultdict(list))
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = (row["model"], row["hardware"], row["tensor_parallel"])
            size = (int(row["prompt_size"]), int(row["batch_size"]), int(row["token_size"]))
            times[key][size].append((float(row["prompt_time"]), float(row["token_time"])))
    return {key: {size: tuple(map(statistics.median_high, zip(*rows))) for size, rows in sizes.items()}
            for key, sizes in times.items()}


def errors(step, sizes, least):
    """Largest errors per token, and to the first token of single prompts."""
    token = first = 0.0
    for (prompt, batch, answer), (prompt_ms, token_ms) in sizes.items():
        decode = (step["base_us"] / 1e3 + batch * step["sequence_ns"] / 1e6
                  + batch * (prompt + answer / 2) * step["context_token_ps"] / 1e9)
        token = max(token, abs(decode / token_ms - 1))
        if batch == 1 and prompt >= least:
            prefill = (step["base_us"] / 1e3 + prompt * step["prefill_token_ns"] / 1e6
                       + prompt * (prompt + 1) / 2 * step["prefill_pair_ps"] / 1e9)
            first = max(first, abs(prefill / prompt_ms - 1))
    return token, first


def main(tailrace, root, mode=None):
    traces = os.environ.get("TAILRACE_TRACES", os.path.join(root, "../shared/traces"))
    source = os.path.join(traces, "splitwise/perf_model.csv") if mode else None
    folder = os.path.join(root, "scenarios/profiles")
    names = sorted(name[:-len(".yaml")] for name in os.listdir(folder))
    profiles = {name: load(tailrace, os.path.join(folder, name + ".yaml")) for name in names}
    if source and not os.path.exists(source):
        print("1..1\nok 1 - # SKIP the measurements are not there")
        return 1 if os.environ.get("CI") == "true" else 0
    chosen = FITS if source else names
    times = measured(source) if source else {}
    failed = False
    print(f"1..{len(chosen)}")
    for number, name in enumerate(chosen, 1):
        profile = profiles.get(name)
        good = bool(profile and profile.get("title") and profile.get("source"))
        text = f"{name} is well formed and names its source"
        if source and good:
            key, token_most, first_most, least = FITS[name]
            token, first = errors(profile["batching"]["step"], times[key], least)
            good = token <= token_most and first <= first_most
            text = (f"{name}: {token:.1%} off per token, {first:.1%} to the first token"
                    f" from {least} tokens on")
        say(good, number, text)
        failed |= not good
    return failed


sys.exit(main(*sys.argv[1:]))
