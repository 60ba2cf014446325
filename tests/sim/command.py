#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The sim command from outside: its results, its outputs, its exit codes.

    command.py PROGRAM ROOT             without public traces
    command.py PROGRAM ROOT public      only what needs them, from $TAILRACE_TRACES
"""
import json
import os
import subprocess
import sys
import tempfile

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
POLICY = os.path.join(ROOT, "scenarios/policies/demo.yaml")
SCENARIOS = ["synthetic-burst", "error-burst", "crowded-tenants"]
TRACES = [("azure", "azure/AzureLLMInferenceTrace_code.csv", 8819),
          ("mooncake", "mooncake/conversation_trace.jsonl", 12031),
          ("arena", "vtc_arena/arena_tenants.csv", 1500)]
OUTCOMES = ["completed", "rejected", "failed", "canceled", "expired", "in_system"]
MEASURES = ["ttft_ms", "tpot_ms", "e2e_ms", "queue_ms"]
FIELDS = ["run_hash", "path_hash", "policy_id", "submitted", "retries", "hedges", "breaker_trips",
          "cost_micro_usd", "goodput", "events", "virtual_seconds", "wall_seconds", "seed",
          "tokens_in", "tokens_out", "rejects", "failures", "classes", "tenants",
          "events_per_second"] + OUTCOMES + MEASURES


class Skip(Exception):
    pass


def sim(*arguments, check=0, **more):
    done = subprocess.run([PROGRAM, "sim", *arguments], capture_output=True, timeout=120,
                          stdin=subprocess.DEVNULL, **more)
    assert done.returncode == check, f"exit {done.returncode}: {done.stderr.decode()}"
    return done


def result(*arguments):
    return json.loads(sim(*arguments, "--json", "-").stdout)


def scenario(name):
    return os.path.join(ROOT, "scenarios", name + ".yaml")


def trace(name, path):
    path = os.path.join(
        os.environ.get("TAILRACE_TRACES", os.path.join(ROOT, "../shared/traces")), path)
    if not os.path.isfile(path):
        raise Skip(f"no {path}")
    return f"{name}:{path}"


def check_result(out):
    for field in FIELDS:
        assert field in out, f"no {field}"
    for field in ["run_hash", "path_hash", "policy_id"]:
        assert len(out[field]) == 16 and int(out[field], 16) > 0, field
    for table in [[out], out["classes"], out["tenants"]]:
        for row in table:
            assert row["submitted"] == sum(row[key] for key in OUTCOMES), row
            for measure in MEASURES:
                spread = row[measure]
                assert spread["p50"] <= spread["p95"] <= spread["p99"] <= spread["max"], row
    for key in OUTCOMES + ["submitted", "tokens_in", "tokens_out", "cost_micro_usd", "retries"]:
        for table in ["classes", "tenants"]:
            assert out[key] == sum(row[key] for row in out[table]), (key, table)
    assert out["rejected"] == sum(out["rejects"].values())
    assert out["failed"] == sum(out["failures"].values())
    assert out["expired"] == sum(out["expirations"].values())
    assert out["goodput"] * out["virtual_seconds"] <= out["completed"] + 1


def decimals(text):
    """Most digits behind the point of any number in a JSON text."""
    most = 0
    for word in text.replace(",", " ").split():
        if word.replace(".", "", 1).isdigit() and "." in word:
            most = max(most, len(word.split(".")[1]))
    return most


def stable(out):
    return {key: value for key, value in out.items()
            if key not in ("wall_seconds", "events_per_second")}


# SIM-5
def test_every_scenario_that_is_shipped_runs_and_adds_up():
    for name in SCENARIOS:
        out = result(scenario(name))
        check_result(out)
        assert out["submitted"] > 1000 and out["in_system"] == 0, out["submitted"]


# SIM-1
def test_two_runs_differ_in_wall_time_alone():
    first, again = result(scenario("error-burst")), result(scenario("error-burst"))
    other = result(scenario("error-burst"), "--seed", "8")
    assert stable(first) == stable(again)
    assert first["run_hash"] != other["run_hash"] and other["seed"] == 8


# SIM-2
def test_public_traces_run_whole():
    for name, path, rows in TRACES:
        out = result("--policy", POLICY, "--trace", trace(name, path), "--seed", "7")
        check_result(out)
        assert out["submitted"] == rows, out["submitted"]
        assert out["trace"].startswith(name + ":")


def write_trace(folder):
    path = os.path.join(folder, "t.csv")
    with open(path, "w", encoding="utf-8") as file:
        file.write("arrival_s,tenant,prompt_tokens,output_tokens\n")
        for i in range(200):
            file.write(f"{i / 10},t{i % 3},{100 + i},{1 + i % 50}\n")
    return "arena:" + path


def test_amplify_repeat_and_limit_make_so_many_requests():
    with tempfile.TemporaryDirectory() as folder:
        spec = ["--policy", POLICY, "--trace", write_trace(folder)]
        assert result(*spec)["submitted"] == 200
        assert result(*spec, "--repeat", "3")["submitted"] == 600
        assert result(*spec, "--amplify", "2")["submitted"] == 400
        assert result(*spec, "--limit", "17")["submitted"] == 17
        names = [row["name"] for row in result(*spec)["tenants"]]
        assert names == ["t0", "t1", "t2"], names


def test_a_scaled_fleet_is_another_policy_with_room():
    plain = result(scenario("synthetic-burst"))
    scaled = result(scenario("synthetic-burst"), "--scale-fleet", "4")
    assert plain["policy_id"] != scaled["policy_id"]
    assert scaled["queue_ms"]["p95"] <= plain["queue_ms"]["p95"]
    assert scaled["completed"] >= plain["completed"]


def test_a_bad_row_stops_the_run_or_is_counted():
    with tempfile.TemporaryDirectory() as folder:
        spec = write_trace(folder)
        with open(spec.split(":", 1)[1], "a", encoding="utf-8") as file:
            file.write("x,t,1,1\n")
        done = sim("--policy", POLICY, "--trace", spec, check=3)
        assert b"t.csv:202" in done.stderr and not done.stdout
        out = result("--policy", POLICY, "--trace", spec, "--skip-bad")
        assert out["submitted"] == 200 and out["rows_skipped"] == 1


def test_numbers_have_three_decimals_at_most():
    text = sim(scenario("error-burst"), "--json", "-").stdout.decode()
    assert 1 <= decimals(text) <= 3, decimals(text)


def test_the_summary_is_plain_where_nobody_sees_colour():
    done = sim(scenario("crowded-tenants"))
    text = done.stdout.decode()
    assert "\033" not in text and not done.stderr
    for word in ["submitted", "rejected", "time to first token", "queue wait", "By tenant",
                 "zenith", "breaker trips", "run hash", "path hash", "goodput"]:
        assert word in text, word
    assert not sim(scenario("crowded-tenants"), "--quiet").stdout


# RPL-2
def test_a_recorded_run_replays_to_the_same_hashes():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.trr")
        out = json.loads(sim(scenario("error-burst"), "--record", path, "--json", "-").stdout)
        done = subprocess.run([PROGRAM, "replay", path], capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        text = done.stdout.decode()
        assert "path hash equal" in text and out["run_hash"] in text, text
        assert os.listdir(folder) == ["r.trr"]


def test_recording_changes_nothing():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.trr")
        out = json.loads(sim(scenario("error-burst"), "--record", path, "--json", "-").stdout)
        assert stable(out) == stable(result(scenario("error-burst")))


def test_a_result_file_is_whole_or_absent():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out.json")
        sim(scenario("error-burst"), "--json", path)
        with open(path, encoding="utf-8") as file:
            check_result(json.load(file))
        before = os.stat(path).st_mtime_ns
        with open(os.path.join(folder, "bad.csv"), "w", encoding="utf-8") as file:
            file.write("arrival_s,tenant,prompt_tokens,output_tokens\n1,a,1,1\nx\n")
        sim("--policy", POLICY, "--trace", "arena:" + os.path.join(folder, "bad.csv"),
            "--json", path, "--record", os.path.join(folder, "r.trr"), check=3)
        assert os.stat(path).st_mtime_ns == before
        assert sorted(os.listdir(folder)) == ["bad.csv", "out.json"], os.listdir(folder)


def test_an_output_that_cannot_be_written_is_exit_4():
    for option in ["--json", "--record"]:
        for path in ["/nowhere/at/all", "/dev/full", ROOT]:
            done = sim(scenario("error-burst"), option, path, check=4)
            assert path.encode() in done.stderr, done.stderr
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, "sim", scenario("error-burst")], stdout=full,
                              stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 4, done.returncode


def test_a_wrong_command_line_is_exit_2_and_a_missing_file_exit_3():
    sim(check=2)
    sim("--policy", POLICY, check=2)
    sim("--trace", "azure:x", check=2)
    sim("--policy", POLICY, "--trace", "azur:x", check=2)
    sim(scenario("error-burst"), "--repeat", "2", check=2)
    sim(scenario("error-burst"), "--scale-fleet", "0", check=2)
    sim(scenario("error-burst"), "--json", "/tmp/same", "--record", "/tmp/same", check=2)
    sim(scenario("nowhere"), check=3)
    sim("--policy", "nowhere.yaml", "--trace", "azure:x", check=3)
    sim("--policy", POLICY, "--trace", "azure:nowhere.csv", check=3)


def test_a_trace_without_rows_is_bad_input():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("arrival_s,tenant,prompt_tokens,output_tokens\n")
        sim("--policy", POLICY, "--trace", "arena:" + path, check=3)


def main():
    tests = [(name, function) for name, function in globals().items()
             if name.startswith("test_") and ("public" in name) == (sys.argv[3:] == ["public"])]
    print(f"1..{len(tests)}")
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            print(f"ok {number} # SKIP {why}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            print(f"not ok {number} - {name}")
            for line in f"{type(error).__name__}: {error}".splitlines():
                print(f"# {line}", flush=True)


if __name__ == "__main__":
    main()
