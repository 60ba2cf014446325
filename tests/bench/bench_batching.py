#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Batching servers: CPU time per output token, and ten million requests.

    bench_batching.py TAILRACE SOURCE_ROOT [REQUESTS]

The whole program, trace parsing and result file included. Takes the public traces from
TAILRACE_TRACES; without them there is nothing to measure. Load is the rate of arrivals over what the
same servers complete when four times as many requests come and nobody gives up.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

RUNS = 5
REQUESTS = 10000000
OVERLOAD = 4
MANY_AMPLIFY = 2.75  # about 70% of what its two servers can do


class Bench:
    def __init__(self, tailrace, root, folder):
        self.tailrace, self.root, self.folder = tailrace, root, folder

    def play(self, scenario, trace, *options):
        """One run: its result, CPU seconds, resident memory in MB over its life."""
        out = os.path.join(self.folder, "out.json")
        command = [self.tailrace, "sim", os.path.join(self.root, "tests/bench", scenario),
                   "--trace", trace, "--quiet", "--json", out, *options]
        child = subprocess.Popen(command)
        resident = []
        watcher = threading.Thread(target=watch, args=(child.pid, resident))
        watcher.start()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        watcher.join()
        if child.returncode:
            sys.exit(f"{' '.join(command)}: exit {child.returncode}")
        with open(out, encoding="utf-8") as file:
            return json.load(file), usage.ru_utime + usage.ru_stime, resident


def watch(pid, resident):
    page = os.sysconf("SC_PAGE_SIZE")
    while True:
        try:
            with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                pages = int(file.read().split()[1])
        except (OSError, IndexError):
            return
        if pages == 0:
            return
        resident.append(pages * page / 1e6)
        time.sleep(0.1)


def rate(result):
    return result["completed"] / result["virtual_seconds"]


def tokens(bench, path, _):
    trace = "mooncake:" + path
    results = [bench.play("mooncake.yaml", trace) for _ in range(RUNS)]
    most = rate(bench.play("mooncake.yaml", trace, "--amplify", str(OVERLOAD))[0])
    result = results[0][0]
    cpu = [seconds / result["tokens_out"] * 1e9 for _, seconds, _ in results]
    print(f"Mooncake conversation on 16 batching servers at {rate(result) / most:.0%} load:"
          f" {result['submitted']} requests, {result['tokens_out']} output tokens,"
          f" {result['completed'] / result['submitted']:.1%} completed")
    print(f"  {statistics.median(cpu):.0f} ns of CPU time per output token"
          f" ({min(cpu):.0f}..{max(cpu):.0f}, {RUNS} runs)")


def many(bench, path, requests):
    trace = "azure:" + path
    amplify = ["--amplify", str(MANY_AMPLIFY)]
    once = bench.play("many.yaml", trace, *amplify)[0]["submitted"]
    most = rate(bench.play("many.yaml", trace, "--amplify", str(OVERLOAD * MANY_AMPLIFY),
                           "--limit", str(min(requests, 150000)))[0])
    repeat = max(1, -(-requests // once))
    result, cpu, resident = bench.play("many.yaml", trace, *amplify, "--repeat", str(repeat))
    early = max(resident[:max(1, len(resident) // 10)])
    print(f"Azure code, {repeat} times, on 2 batching servers at {rate(result) / most:.0%} load:"
          f" {result['submitted']} requests, {result['completed'] / result['submitted']:.1%}"
          " completed")
    print(f"  {result['submitted'] / result['wall_seconds']:,.0f} requests/s of wall time,"
          f" {result['submitted'] / cpu:,.0f} of CPU time;"
          f" resident {early:.0f} MB in the first tenth, {max(resident):.0f} MB at most")


def main():
    tailrace, root = sys.argv[1:3]
    requests = int(sys.argv[3]) if len(sys.argv) > 3 else REQUESTS
    traces = os.environ.get("TAILRACE_TRACES", os.path.join(root, "../shared/traces"))
    mooncake = os.path.join(traces, "mooncake/conversation_trace.jsonl")
    azure = os.path.join(traces, "azure/AzureLLMInferenceTrace_code.csv")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(os.path.abspath(tailrace), root, folder)
        for measure, path in ((tokens, mooncake), (many, azure)):
            if os.path.exists(path):
                measure(bench, path, requests)
            else:
                print(f"not measured: {path} is not there")


main()
