#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Simulated requests a second: the whole program on the Azure trace, played many times over.

    bench_sim.py TAILRACE SOURCE_ROOT

Takes the Azure code trace from TAILRACE_TRACES, else the shipped sample, and says which. Each figure
is the median of the runs with the least and the most; recording is measured beside not recording.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

RUNS = 5
REQUESTS = 440000


def main():
    tailrace, root = sys.argv[1:3]
    traces = os.environ.get("TAILRACE_TRACES", os.path.join(root, "../shared/traces"))
    trace = os.path.join(traces, "azure/AzureLLMInferenceTrace_code.csv")
    name, rows = "the Azure code trace", 8819
    if not os.path.exists(trace):
        trace = os.path.join(root, "scenarios/traces/sample.csv")
        name, rows = "the shipped sample trace", 2000
    repeat = REQUESTS // rows
    policy = os.path.join(root, "scenarios/policies/demo.yaml")
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.json")
        command = [tailrace, "sim", "--policy", policy, "--trace", "azure:" + trace, "--seed", "7",
                   "--repeat", str(repeat), "--quiet", "--json", out]
        figures = {"simulated": [], "simulated and recorded": []}
        for _ in range(RUNS):
            for kind, rates in figures.items():
                record = ["--record", os.path.join(folder, "run.trr")] if "rec" in kind else []
                subprocess.run(command + record, check=True)
                with open(out, encoding="utf-8") as file:
                    result = json.load(file)
                rates.append((result["submitted"] / result["wall_seconds"],
                              result["events"] / result["wall_seconds"]))
    print(f"simulation: {name}, {repeat} times, {rows * repeat} requests; median of {RUNS} runs")
    for kind, rates in figures.items():
        requests = [rate[0] for rate in rates]
        events = [rate[1] for rate in rates]
        print(f"  {kind:<23} {statistics.median(requests):>9,.0f} requests/s"
              f" ({min(requests):,.0f}..{max(requests):,.0f}),"
              f" {statistics.median(events) / 1e6:.2f} M events/s")
    plain, recorded = (statistics.median(rate[0] for rate in rates) for rates in figures.values())
    print(f"  recording costs {plain / recorded - 1:.0%} of the time")


main()
