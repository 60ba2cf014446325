#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tailrace calibrate as a command.

    command.py PROGRAM ROOT      speaks TAP
"""
import json
import os
import subprocess
import sys
import tempfile

PROGRAM, ROOT = sys.argv[1:]


def run(*arguments, code=0, text=None):
    done = subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True)
    assert done.returncode == code, f"exit {done.returncode}: {done.stderr}"
    return done


def rows(count=60):
    """A server that does one thing at a time: 20 ms a step, 0.1 ms a prompt token."""
    out = []
    for number in range(count):
        tokens_in, tokens_out = 50 + 37 * number % 900, 5 + 11 * number % 60
        at = 100 + 5 * number
        first = at + 0.02 + 0.0001 * tokens_in
        out.append({"input_toks": tokens_in, "output_toks": tokens_out, "arrival_time": at + 1e9,
                    "queued_ts": at, "scheduled_ts": at, "first_token_ts": round(first, 9),
                    "last_token_ts": round(first + 0.02 * (tokens_out - 1), 9)})
    return "".join(json.dumps(row) + "\n" for row in out)


# SIM-3
def test_a_profile_is_written_that_check_takes(folder):
    path = os.path.join(folder, "p.yaml")
    done = run("calibrate", "-", "-o", path, text=rows())
    assert "Not known:" in done.stdout and "sequences" in done.stdout
    assert "profile" in run("check", path).stdout
    text = open(path, encoding="utf-8").read()
    assert "base_us: 20000\n" in text and "prefill_token_ns: 100000\n" in text, text


def test_the_same_rows_make_the_same_profile(folder):
    paths = [os.path.join(folder, name) for name in ("a", "b")]
    for path in paths:
        run("calibrate", "-", "--output", path, text=rows())
    assert open(paths[0], "rb").read() == open(paths[1], "rb").read()


# SIM-3
def test_rows_behind_the_fitted_ones_change_nothing_of_the_fit(_):
    short = json.loads(run("calibrate", "-", "--fit", "40", "--json", "-", text=rows(40)).stdout)
    full = json.loads(run("calibrate", "-", "--fit", "40", "--json", "-", text=rows(60)).stdout)
    assert short["batching"] == full["batching"]
    assert "unseen" not in short["residuals"]
    assert full["residuals"]["unseen"]["from"] == 41


def test_what_is_given_is_taken(_):
    result = json.loads(run("calibrate", "-", "--sequences", "77", "--json", "-",
                            text=rows()).stdout)
    assert result["batching"]["sequences"] == {"value": 77, "known": "given"}
    assert "sequences" not in result["not_known"]


def test_a_recording_is_read(folder):
    path = os.path.join(folder, "run.trr")
    scenario = os.path.join(ROOT, "scenarios/demo.yaml")
    run("sim", scenario, "--limit", "600", "--record", path, "--quiet")
    wrong = run("calibrate", path, code=3).stderr
    assert "choose one with --endpoint" in wrong, wrong
    name = wrong.split("'")[1]
    result = json.loads(run("calibrate", path, "--endpoint", name, "--json", "-").stdout)
    assert "ttft" in result["residuals"]["fitted"]["measures"]
    assert "scheduled_ts" in result["not_known"]
    assert "no attempt at an endpoint 'nobody'" in run(
        "calibrate", path, "--endpoint", "nobody", code=3).stderr


def test_errors_leave_nothing_behind(folder):
    path = os.path.join(folder, "p.yaml")
    assert "20 are needed" in run("calibrate", "-", "-o", path, text=rows(7), code=3).stderr
    assert "-:3: " in run("calibrate", "-", "-o", path, text=rows(2) + "{\n", code=3).stderr
    assert os.listdir(folder) == []
    run("calibrate", "-", "-x", code=2)
    run("calibrate", "-", "-o", "/nowhere/p.yaml", text=rows(), code=4)
    open(path, "w", encoding="utf-8").write(rows())
    assert "cannot be an output" in run("calibrate", path, "-o", path, code=2).stderr


def main():
    tests = [(name, function) for name, function in globals().items() if name.startswith("test_")]
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, function) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(folder)
                wrong = ""
            except AssertionError as error:
                wrong = f"\n# {error}"
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name[5:].replace('_', ' ')}{wrong}",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
