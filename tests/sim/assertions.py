#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Scenarios with assertions from outside: what holds, what does not, what is said of it. SIM-5

    assertions.py PROGRAM ROOT
"""
import json
import os
import re
import subprocess
import sys
import tempfile

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
POLICY = os.path.join(ROOT, "scenarios/policies/demo.yaml")
HEAD = f"""policy: {POLICY}
seed: 7
requests: 1500
workload: {{arrivals: poisson, rate: 12}}
labels: {{tenants: {{acme: 2, zenith: 1}}, sessions: 3}}
faults:
  - {{name: dies, kind: outage, at_s: 40, for_s: 20, endpoints: [large-2]}}
  - {{name: errors, kind: errors, at_s: 40, status: 500, percent: 20, endpoints: [large-1]}}
assert:
"""


def play(assertions, head=HEAD, code=None):
    """The findings of a scenario's own assertions, and the whole result."""
    lines = "".join(f"  - {{{line}}}\n" for line in assertions)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write((head if assertions else head.replace("assert:\n", "")) + lines)
        done = subprocess.run([PROGRAM, "sim", path, "--json", "-"], timeout=120,
                              stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode in ((0, 1) if code is None else (code,)), \
            f"exit {done.returncode}: {done.stderr.decode()}"
        result = json.loads(done.stdout)
        own = [finding for finding in result["assertions"] if finding["line"]]
        assert len(own) == len(assertions), own
        for number, finding in enumerate(own):
            assert finding["line"] == head.count("\n") + 1 + number, finding
            assert finding["file"].endswith("x.yaml")
            assert finding["text"].startswith("ok  " if finding["held"] else "FAIL")
            assert finding["subject"] in finding["text"]
        assert done.returncode == (0 if all(f["held"] for f in result["assertions"]) else 1)
        return own, result


def check(wanted):
    """{assertion: whether it holds}, in one run."""
    findings, result = play(list(wanted))
    for finding, (line, held) in zip(findings, wanted.items()):
        assert finding["held"] == held, (line, finding)
    return findings, result


def test_bounds_are_kept_to_the_number():
    _, result = play([])
    done = result["completed"]
    check({
        f"value: completed, equals: {done}": True,
        f"value: completed, equals: {done + 1}": False,
        f"value: completed, below: {done}": False,
        f"value: completed, below: {done}.000001": True,
        f"value: completed, above: {done}": False,
        f"value: completed, above: {done - 1}": True,
        f"value: completed, at_least: {done}": True,
        f"value: completed, at_least: {done}.000001": False,
        f"value: completed, at_most: {done}": True,
        f"value: completed, at_most: {done - 1}": False,
        f"value: completed, between: [{done}, {done}]": True,
        f"value: completed, between: [{done + 1}, {done + 2}]": False,
        f"value: completed, above: 1, below: {done}": False,
        "value: failed, at_most: 0": result["failed"] == 0,
    })


def test_values_are_those_of_the_result():
    _, r = play([])
    ttft, rows = r["ttft_ms"], {row["name"]: row for row in r["endpoints"]}
    tenants = {row["name"]: row for row in r["tenants"]}
    findings, _ = play([
        "value: submitted, at_least: 0", "value: ttft_p95_ms, at_least: 0",
        "value: ttft_p90_ms, at_least: 0", "value: cost_usd, at_least: 0",
        "value: utilization_percent, endpoint: large-3, at_least: 0",
        "value: attempts_share_percent, endpoint: large-3, at_least: 0",
        "value: submitted, tenant: acme, at_least: 0",
        "value: tokens_out, tenant: acme, at_least: 0",
        "value: in_flight_max, at_least: 0", "value: virtual_seconds, at_least: 0"])
    wanted = [r["submitted"], ttft["p95"], ttft["p90"], r["cost_micro_usd"] / 1e6,
              rows["large-3"]["utilization_percent"], rows["large-3"]["share_percent"],
              tenants["acme"]["submitted"], tenants["acme"]["tokens_out"], r["in_flight_max"],
              r["virtual_seconds"]]
    for finding, number in zip(findings, wanted):
        assert abs(float(finding["found"]) - number) <= 0.001001, (finding, number)


def test_windows_lean_on_the_run_and_on_faults():
    findings, _ = check({
        "value: submitted, to_s: 40, at_least: 300": True,
        "value: submitted, before: dies, at_least: 300": True,
        "value: submitted, before: dies, within_s: 10, below: 200": True,
        "value: attempt_failures, cause: CONNECT, before: dies, at_most: 0": True,
        "value: attempt_failures, cause: CONNECT, during: dies, at_least: 1": True,
        "value: attempt_failures, cause: CONNECT, after_end: dies, at_most: 0": True,
        "value: attempt_failures, cause: CONNECT, endpoint: large-1, at_most: 0": True,
        "value: attempt_failures, cause: SERVER_ERROR, after: errors, at_least: 1": True,
        "value: submitted, after: dies, from_s: 5, to_s: 10, between: [20, 120]": True,
        "value: submitted, from_s: 1000000, at_most: 0": False,
        "value: submitted, tenant: zenith, during: dies, at_least: 10": True,
    })
    subjects = [finding["subject"] for finding in findings]
    assert subjects[0] == "submitted to 40 s", subjects[0]
    assert subjects[2] == "submitted in the last 10 s before dies", subjects[2]
    assert subjects[5] == "attempt_failures{cause=CONNECT} after the end of dies", subjects[5]
    assert subjects[8] == "submitted from 5 s to 10 s after dies", subjects[8]
    assert subjects[10] == "submitted{tenant=zenith} during dies", subjects[10]
    assert "before the window" in findings[9]["found"], findings[9]
    assert findings[0]["found"] == findings[1]["found"], "the fault begins after 40 s"


def test_a_clock_that_is_wrong_from_the_start_changes_no_result():
    """It shows other times, and as long ones."""
    seen = []
    for fault in ("{kind: store_delay, at_s: 0, extra_ms: 1}",
                  "{kind: clock_jump, by_ms: 864000000}",
                  "{kind: clock_jump, by_ms: 864000000, direction: backward}"):
        head = HEAD.replace("assert:", f"  - {fault}\nassert:")
        findings, result = play(["value: submitted, from_s: 10, to_s: 20, equals: 0",
                                 "value: in_flight_mean, equals: 0",
                                 "value: completed_per_second, from_s: 30, equals: 0",
                                 "value: virtual_seconds, equals: 0",
                                 "event: job_end, from_s: 50, to_s: 60, at_least: 9999"], head)
        seen.append(([f["found"] for f in findings], result["path_hash"],
                     result["virtual_seconds"]))
        assert all(f["found"] for f in findings), findings
    assert seen[0] == seen[1] == seen[2], seen


def test_windows_of_a_run_add_up():
    findings, result = play([f"value: {value}, from_s: {10 * i}, "
                             + (f"to_s: {10 * i + 10}, " if i < 20 else "") + "at_least: 0"
                             for value in ["completed", "attempts"] for i in range(21)],
                            HEAD.replace("requests: 1500", "requests: 1500\nstop_s: 250"))
    ended = [f for f in findings if "before the window" not in f["found"]]
    sums = {value: sum(int(f["found"]) for f in ended if f["subject"].startswith(value))
            for value in ["completed", "attempts"]}
    assert sums == {value: result[value] for value in sums}, sums


def test_a_value_of_nothing_holds_no_bound():
    findings, _ = check({
        "value: completed_percent, before: dies, within_s: 0.000001, at_most: 100": False,
        "value: hedge_percent, before: dies, within_s: 0.000001, at_most: 100": False,
        "value: ttft_p95_ms, before: dies, within_s: 0.000001, at_most: 100000": False,
        "value: completed, before: dies, within_s: 0.000001, at_most: 0": True,
    })
    for finding in findings[:3]:
        assert "nothing" in finding["found"], finding


def test_one_value_is_held_against_another():
    findings, _ = check({
        "value: attempts, at_most: 1, times: {value: attempts}": True,
        "value: attempts, below: 1, times: {value: attempts}": False,
        "value: retries, at_most: 0.2, times: {value: attempts}": True,
        "value: tokens_out, tenant: acme, above: 1, times: {value: tokens_out, tenant: zenith}":
            True,
        "value: ttft_p95_ms, after_end: dies, at_most: 3, "
        "times: {value: ttft_p95_ms, before: dies}": True,
        "value: submitted, at_least: 1, times: {value: submitted, from_s: 90000}": False,
    })
    assert re.fullmatch(r"at most 3 x ttft_p95_ms before dies, which is [\d.]+",
                        findings[4]["expected"]), findings[4]


def test_events_happen_in_their_windows():
    findings, _ = check({
        "event: breaker_open, endpoint: large-2, after: dies, within_s: 3": True,
        "event: breaker_open, endpoint: large-2, before: dies": False,
        "event: breaker_open, endpoint: large-2, before: dies, never: true": True,
        "event: breaker_open, endpoint: large-3, never: true": True,
        "event: breaker_close, endpoint: large-2, during: dies, at_most: 0": True,
        "event: breaker_close, endpoint: large-2, after_end: dies, within_s: 60": True,
        "event: reject, code: QUEUE_FULL, at_most: 0": True,
        "event: job_end, outcome: COMPLETED, tenant: acme, at_least: 100": True,
        "event: submit, equals: 1500": True,
        "event: submit, between: [1, 1499]": False,
        "event: policy_activate": False,
        "event: retry, never: true": False,
    })
    assert re.match(r"0; \d+ outside the window, the nearest at 4\d\.\d+ s", findings[1]["found"])
    assert re.match(r"1, at 4\d\.\d+ s", findings[0]["found"]), findings[0]


def test_orders_are_of_first_times_and_of_nth_ones():
    opened, half, closed = (f"{{event: breaker_{state}, endpoint: large-2}}"
                            for state in ["open", "half_open", "close"])
    findings, _ = check({
        f"order: [{opened}, {half}, {closed}]": True,
        f"order: [{half}, {opened}]": False,
        f"order: [{opened}, {half}, {opened}, {half}]": True,
        f"order: [{opened}, {{event: policy_activate}}]": False,
        f"order: [{opened}, {closed}], before: dies": False,
        f"order: [{opened}, {closed}], after: dies": True,
    })
    assert "policy_activate never" in findings[3]["found"], findings[3]


def test_hashes_are_those_of_the_result():
    _, result = play([])
    check({
        f"hash: path, equals: '{result['path_hash']}'": True,
        f"hash: run, equals: '{result['path_hash']}'": False,
        "hash: path, equals: '0000000000000000'": False,
    })
    # An assertion changes nothing of the run; the hash of another seed is another.
    _, again = play(["value: completed, at_least: 1"])
    assert again["run_hash"] == result["run_hash"]


def test_a_tenant_of_a_trace_that_never_came_holds_nothing():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "t.csv"), "w", encoding="utf-8") as file:
            file.write("arrival_s,tenant,prompt_tokens,output_tokens\n")
            for i in range(50):
                file.write(f"{i},t{i % 2},100,10\n")
        head = f"policy: {POLICY}\ntrace: {{file: 'arena:{folder}/t.csv'}}\nassert:\n"
        findings, _ = play(["value: failed, tenant: t1, at_most: 0",
                            "value: failed, tenant: t7, at_most: 0"], head, 1)
        assert findings[0]["held"] and not findings[1]["held"], findings
        assert "no request of 't7' came" in findings[1]["found"], findings[1]


def test_every_run_is_held_to_conservation_and_invariants():
    _, result = play([], HEAD.replace("assert:\n", ""), 0)
    names = [finding["name"] for finding in result["assertions"]]
    assert names == ["conservation", "invariants"], names
    assert all(finding["held"] for finding in result["assertions"])


def test_the_summary_says_what_does_not_hold():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(HEAD + "  - {name: fast, value: ttft_p95_ms, class: interactive, "
                       "from_s: 10, to_s: 20, below: 1}\n  - {value: submitted, equals: 1500}\n")
        done = subprocess.run([PROGRAM, "sim", path], capture_output=True, timeout=120)
        text = done.stdout.decode()
        line = HEAD.count("\n") + 1
        assert done.returncode == 1
        assert re.search(rf"FAIL \S+x.yaml:{line}: fast: ttft_p95_ms{{class=interactive}} from 10 s "
                         r"to 20 s: found [\d.]+, expected below 1\n", text), text
        assert "3 of 4 hold" in text, text
        again = subprocess.run([PROGRAM, "sim", path], capture_output=True, timeout=120)
        assert again.stdout.decode().split("Assertions")[1] == text.split("Assertions")[1]


def test_the_canonical_form_asserts_the_same():
    with tempfile.TemporaryDirectory() as folder:
        path, again = os.path.join(folder, "x.yaml"), os.path.join(folder, "again.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(HEAD + "  - {value: failed, at_most: 0, from_s: 0, to_s: 9}\n"
                       "  - {event: retry, never: true}\n"
                       "  - {hash: run, equals: '0123456789012345'}\n"
                       "  - {value: ttft_p95_ms, between: [0, 9000], during: dies}\n"
                       "  - {value: retries, at_most: 0.5, times: {value: attempts}}\n"
                       "  - {order: [{event: submit}, {event: accept}], to_s: 20}\n")
        text = subprocess.run([PROGRAM, "check", "--canonical", path], capture_output=True,
                              check=True).stdout
        with open(again, "wb") as file:
            file.write(text)
        results = [json.loads(subprocess.run([PROGRAM, "sim", name, "--json", "-"],
                                             capture_output=True, check=False).stdout)
                   for name in [path, again]]
        first, second = ([(f["held"], f["subject"], f["found"], f["expected"])
                          for f in result["assertions"]] for result in results)
        assert first == second, (first, second)
        assert len(first) == 8


def main():
    tests = [(name, function) for name, function in globals().items() if name.startswith("test_")]
    print(f"1..{len(tests)}")
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            print(f"not ok {number} - {name}")
            for line in f"{type(error).__name__}: {error}".splitlines():
                print(f"# {line}", flush=True)


if __name__ == "__main__":
    main()
