#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many cases: their order, their processes, their files.

    sweep.py PROGRAM ROOT
"""
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
XSD = os.path.join(ROOT, "tests/sim/junit.xsd")
POLICY = "policy: {models: {m: {endpoints: {a: {slots: 4}, b: {slots: 4}}}}}\n"
FLEET = "fleet: {default: {error_percent: 1}}\n"
# Without an end that anybody waits for.
ENDLESS = POLICY + "workload: {rate: 100}\nduration_s: 300000000\n"


class Sweep:
    """A folder of scenarios, and runs in it."""

    def __init__(self):
        self.keeper = tempfile.TemporaryDirectory()
        self.folder = self.keeper.name

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.keeper.cleanup()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def scenario(self, name, head="", requests=200):
        self.write(name, head + POLICY + FLEET + f"workload: {{rate: 5}}\nrequests: {requests}\n")

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def run(self, *words, check=0):
        done = subprocess.run([PROGRAM, *words], cwd=self.folder, capture_output=True, timeout=120,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def sim(self, *words, check=0):
        return self.run("sim", *words, check=check)

    def start(self, *words):
        return subprocess.Popen([PROGRAM, "sim", *words], cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def example(sweep):
    sweep.scenario("s/b.yaml", "seeds: 1..3\ntitle: The second\nproves: [SIM-5, RES-1]\n"
                   "assert: [{value: submitted, equals: 200}]\n")
    sweep.scenario("s/a.yaml", "seeds: [9, 2]\n")
    sweep.scenario("s/c/d.yaml", "seed: 4\n")
    sweep.scenario("s/e.yaml")
    sweep.write("s/policies/p.yaml", "no: scenario\n")
    sweep.write("s/profiles/p.yaml", "no: scenario\n")
    sweep.write("s/parts/p.yaml", "no: scenario\n")
    sweep.write("s/traces/p.yaml", "no: scenario\n")
    sweep.write("s/.hidden.yaml", "no: scenario\n")
    sweep.write("s/notes.txt", "no scenario\n")


EXAMPLE = ["s/a.yaml seed 9", "s/a.yaml seed 2", "s/b.yaml seed 1", "s/b.yaml seed 2",
           "s/b.yaml seed 3", "s/c/d.yaml seed 4", "s/e.yaml seed 1"]


def children(parent):
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(name))
    return sorted(found)


def wait_for(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("nothing happened for a minute")


# SIM-5
def test_the_order_is_that_of_files_and_seeds_with_any_number_of_jobs():
    with Sweep() as sweep:
        example(sweep)
        wanted = "".join(f"ok   {name}\n" for name in EXAMPLE) + "7 cases: 7 ok\n"
        for jobs in ["1", "2", "8"]:
            out, err = sweep.sim("s", "--jobs", jobs, "--json", f"{jobs}.json", "--junit",
                                 f"{jobs}.xml")
            assert out == wanted and not err, (out, err)
        for name in ["2", "8"]:
            assert sweep.read("1.json") == sweep.read(name + ".json")
            assert sweep.read("1.xml") == sweep.read(name + ".xml")
        assert "wall_seconds" not in sweep.read("1.json").decode()


def test_list_names_the_cases_and_plays_none():
    with Sweep() as sweep:
        example(sweep)
        assert sweep.sim("s", "--list")[0].splitlines() == EXAMPLE
        assert sweep.sim("s/", "--list")[0].splitlines() == EXAMPLE
        assert sweep.sim("s/e.yaml", "s", "--list")[0].splitlines() == EXAMPLE[-1:] + EXAMPLE[:-1]
        assert sweep.sim("s", "--list", "--filter", "c/")[0] == "s/c/d.yaml seed 4\n"
        assert sweep.sim("s", "--list", "--seed", "5")[0].split("\n")[0] == "s/a.yaml seed 5"
        assert sweep.sim("s", "--list", "--shard", "2/3")[0].splitlines() == EXAMPLE[1::3]


def test_a_case_is_the_same_alone_and_among_others():
    with Sweep() as sweep:
        example(sweep)
        rows = json.loads(sweep.sim("s", "--json", "-")[0])
        for row, name in zip(rows, EXAMPLE):
            path, seed = name.split(" seed ")
            alone = json.loads(sweep.sim(path, "--seed", seed, "--json", "-")[0])
            assert alone.pop("wall_seconds") > 0 and alone.pop("events_per_second") > 0
            assert alone == row, name
        assert rows[2]["title"] == "The second" and rows[2]["proves"] == ["RES-1", "SIM-5"]


def test_one_file_of_one_seed_is_an_object_and_anything_else_an_array():
    with Sweep() as sweep:
        example(sweep)
        for words, kind in [(["s/e.yaml"], dict), (["s/a.yaml", "--seed", "3"], dict),
                            (["s/a.yaml"], list), (["s/c"], list), (["s/e.yaml", "s/c"], list),
                            (["s/e.yaml", "--filter", "e"], list)]:
            assert isinstance(json.loads(sweep.sim(*words, "--json", "-")[0]), kind), words


# SIM-5
def test_a_bad_scenario_is_a_failed_case_and_the_others_are_played():
    with Sweep() as sweep:
        example(sweep)
        sweep.write("s/b.yaml", POLICY + "workload: {rte: 5}\nrequests: 5\n")
        sweep.write("s/f.yaml", POLICY + "workload: {rate: 5}\nlabels: {model: n}\nrequests: 5\n")
        out, _ = sweep.sim("s", "--json", "o.json", "--junit", "o.xml", check=3)
        lines = out.splitlines()
        assert lines[2] == "FAIL s/b.yaml", out
        assert lines[3].startswith("     s/b.yaml:2:12: workload: unknown key 'rte'"), out
        assert lines[6] == "FAIL s/f.yaml seed 1" and "no model of this name" in lines[7], out
        assert lines[-1] == "6 cases: 4 ok, 2 not playable", out
        rows = json.loads(sweep.read("o.json"))
        assert [row["status"] for row in rows] == ["ok"] * 2 + ["bad_input"] + ["ok"] * 2 + \
            ["bad_input"]
        assert rows[2]["seed"] is None and rows[2]["message"] == lines[3].strip()
        validate(sweep, "o.xml")
        assert b'errors="2"' in sweep.read("o.xml")


# SIM-5
def test_an_assertion_that_does_not_hold_fails_its_case_in_every_output():
    with Sweep() as sweep:
        sweep.scenario("s/a.yaml", "assert:\n  - {value: submitted, equals: 200}\n"
                       "  - {value: submitted, below: \"${most}\"}\n  - {value: retries, below: 0}\n"
                       "parameters: {most: 10}\n")
        sweep.scenario("s/b.yaml")
        said = ["s/a.yaml:3: submitted: found 200, expected below 10",
                "s/a.yaml:4: retries: found "]
        out, err = sweep.sim("s", "--json", "o.json", "--junit", "o.xml", check=1)
        lines = out.splitlines()
        assert lines[0] == "FAIL s/a.yaml seed 1" and not err, out
        assert lines[1] == "     " + said[0] and lines[2].startswith("     " + said[1]), out
        assert lines[3:] == ["ok   s/b.yaml seed 1", "2 cases: 1 ok, 1 failed"], out
        rows = json.loads(sweep.read("o.json"))
        assert [row["status"] for row in rows] == ["failed", "ok"]
        failed = [row for row in rows[0]["assertions"] if not row["held"]]
        assert [row["line"] for row in failed] == [3, 4], failed
        validate(sweep, "o.xml")
        text = sweep.read("o.xml").decode()
        assert text.count("<failure ") == 2 and f'message="{said[0]}"' in text, text
        assert 'tests="2" failures="1" errors="0"' in text
        out, _ = sweep.sim("s/a.yaml", "--set", "most=201", "--junit", "one.xml", check=1)
        assert "FAIL " + said[1] in out and said[0] not in out, out
        validate(sweep, "one.xml")


# SIM-5
def test_a_killed_case_is_a_failed_one_with_its_signal():
    for number, name in [(signal.SIGKILL, "SIGKILL"), (signal.SIGABRT, "SIGABRT")]:
        with Sweep() as sweep:
            sweep.scenario("s/a.yaml")
            sweep.write("s/b.yaml", ENDLESS)
            sweep.scenario("s/c.yaml")
            run = sweep.start("s", "--jobs", "1", "--json", "o.json", "--junit", "o.xml")
            first = run.stdout.readline()
            wait_for(lambda: len(children(run.pid)) == 1)
            os.kill(children(run.pid)[0], number)
            out, _ = run.communicate(timeout=60)
            lines = (first + out).decode().splitlines()
            assert run.returncode == 1, run.returncode
            assert lines == ["ok   s/a.yaml seed 1", "FAIL s/b.yaml seed 1",
                             f"     its process was ended by signal {int(number)} ({name})",
                             "ok   s/c.yaml seed 1", "3 cases: 2 ok, 1 died"], lines
            assert json.loads(sweep.read("o.json"))[1]["status"] == "died"
            validate(sweep, "o.xml")


def test_no_child_outlives_a_killed_run():
    with Sweep() as sweep:
        sweep.write("s/a.yaml", ENDLESS)
        sweep.write("s/b.yaml", ENDLESS)
        run = sweep.start("s", "--jobs", "2")
        wait_for(lambda: len(children(run.pid)) == 2)
        pids = children(run.pid)
        run.kill()
        run.communicate(timeout=60)
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}/exe") and
                                 alive(pid) for pid in pids))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_fail_fast_ends_behind_the_first_failure_of_the_list():
    for jobs in ["1", "2", "8"]:
        with Sweep() as sweep:
            sweep.scenario("s/a.yaml", "seeds: 1..3\n")
            sweep.write("s/b.yaml", POLICY + "workload: {rate: 5}\nlabels: {model: n}\n"
                        "requests: 5\n")
            sweep.write("s/c.yaml", "bad\n")
            sweep.write("s/d.yaml", ENDLESS)
            out, _ = sweep.sim("s", "--fail-fast", "--jobs", jobs, "--json", "o.json", check=3)
            assert out.splitlines()[3] == "FAIL s/b.yaml seed 1", out
            assert out.splitlines()[5:] == ["6 cases: 3 ok, 1 not playable, 2 not run"], out
            assert len(json.loads(sweep.read("o.json"))) == 4


# SIM-8
def test_merged_shards_are_the_run_to_the_byte():
    with Sweep() as sweep:
        example(sweep)
        sweep.write("s/f.yaml", "bad\n")
        whole, _ = sweep.sim("s", "--json", "whole.json", "--junit", "whole.xml", check=3)
        for of in [1, 4, 11]:
            names = [f"{i}-{of}.json" for i in range(1, of + 1)]
            codes = [subprocess.run([PROGRAM, "sim", "s", "--shard", f"{i}/{of}", "--json", name,
                                     "--jobs", str(i)], cwd=sweep.folder,
                                    capture_output=True, timeout=60).returncode
                     for i, name in enumerate(names, 1)]
            assert max(codes) == 3, codes
            out, err = sweep.run("merge", *reversed(names), "--json", "m.json", "--junit", "m.xml",
                                 check=3)
            assert out == whole and not err, (out, err)
            assert sweep.read("m.json") == sweep.read("whole.json")
            assert sweep.read("m.xml") == sweep.read("whole.xml")


# SIM-8
def test_shards_that_do_not_belong_together_are_refused():
    with Sweep() as sweep:
        example(sweep)
        for i in [1, 2]:
            sweep.sim("s", "--shard", f"{i}/2", "--json", f"{i}.json", "--quiet")
            sweep.sim("s", "--shard", f"{i}/2", "--json", f"seed{i}.json", "--seed", "5")
            sweep.sim("s", "--shard", f"{i}/2", "--json", f"limit{i}.json", "--scale-fleet", "2")
        sweep.sim("s", "--shard", "2/3", "--json", "third.json")
        sweep.write("s/parts/more.yaml", "store_ms: 5\n")
        sweep.scenario("s/e.yaml", "include: [parts/more.yaml]\n")
        sweep.sim("s", "--shard", "2/2", "--json", "changed.json")
        shard = json.loads(sweep.read("2.json"))
        sweep.write("short.json", json.dumps({**shard, "outcomes": shard["outcomes"][1:]}))
        sweep.write("old.json", json.dumps({**shard, "tailrace": "0.0.1"}))
        sweep.write("next.json", json.dumps({**shard, "version": 2}))
        sweep.write("torn.json", sweep.read("2.json").decode()[:-30])
        sweep.sim("s/e.yaml", "--json", "result.json")
        for names, said in [(["1.json"], "shard 2 of 2 is missing"),
                            (["2.json"], "shard 1 of 2 is missing"),
                            (["1.json", "2.json", "1.json"], "shard 1 of 2 again, as 1.json"),
                            (["1.json", "seed2.json"], "a shard of another sweep"),
                            (["1.json", "limit2.json"], "a shard of another sweep"),
                            (["1.json", "third.json"], "a shard of another sweep"),
                            (["1.json", "changed.json"], "a shard of another sweep"),
                            (["1.json", "short.json"], "a damaged shard"),
                            (["1.json", "old.json"], "made by tailrace 0.0.1"),
                            (["1.json", "next.json"], "does not know"),
                            (["1.json", "torn.json"], "not valid JSON"),
                            (["1.json", "result.json"], "no shard"),
                            (["1.json", "nowhere.json"], "cannot be read")]:
            out, err = sweep.run("merge", *names, "--json", "m.json", check=3)
            assert said in err and not out, (names, err)
            assert not os.path.exists(sweep.path("m.json"))


# SIM-8
def test_an_interrupted_sweep_loses_nothing_that_was_finished():
    with Sweep() as sweep:
        sweep.scenario("s/a.yaml", "seeds: 1..24\n", requests=4000)
        sweep.sim("s", "--json", "whole.json", "--quiet")
        run = sweep.start("s", "--out", "kept", "--jobs", "2", "--json", "o.json")
        wait_for(lambda: os.path.isdir(sweep.path("kept")) and len(finished(sweep)) >= 4)
        run.kill()
        run.communicate(timeout=60)
        before = finished(sweep)
        assert 4 <= len(before), before
        assert not os.path.exists(sweep.path("o.json"))
        sweep.sim("s", "--out", "kept", "--json", "o.json")
        assert sweep.read("o.json") == sweep.read("whole.json")
        after = finished(sweep)
        assert len(after) == 24
        assert all(after[name] == stamp for name, stamp in before.items())


def finished(sweep):
    return {name: os.stat(sweep.path("kept", name)).st_mtime_ns
            for name in os.listdir(sweep.path("kept")) if name.endswith(".json")}


# SIM-8
def test_a_finished_case_is_taken_only_if_it_is_the_same_case():
    with Sweep() as sweep:
        sweep.scenario("s/a.yaml", "seeds: 1..2\nparameters: {x: 1}\nstore_ms: \"${x}\"\n")
        sweep.sim("s", "--out", "kept")
        for words in [(), ("--limit", "20"), ("--set", "x=2")]:
            count = len(finished(sweep)) + (2 if words else 0)
            sweep.sim("s", "--out", "kept", *words)
            assert len(finished(sweep)) == count, words
        sweep.write("s/a.yaml", sweep.read("s/a.yaml").decode().replace("rate: 5", "rate: 6"))
        sweep.sim("s", "--out", "kept")
        assert len(finished(sweep)) == 8


def test_a_trace_that_changed_makes_another_case():
    with Sweep() as sweep:
        rows = "arrival_s,tenant,prompt_tokens,output_tokens\n1,t,10,10\n2,t,10,10\n"
        sweep.write("s/a.yaml", POLICY + "trace: {file: \"arena:traces/t.csv\"}\n")
        for text, count in [(rows, 1), (rows, 1), (rows + "3,t,10,10\n", 2)]:
            sweep.write("s/traces/t.csv", text)
            out = json.loads(sweep.sim("s", "--out", "kept", "--json", "-")[0])
            assert len(finished(sweep)) == count
            assert out[0]["submitted"] == text.count("t,10")


def test_outputs_that_cannot_be_written_are_exit_4():
    with Sweep() as sweep:
        example(sweep)
        for option in ["--json", "--junit", "--out"]:
            out, err = sweep.sim("s", option, "/nowhere/at/all", check=4)
            assert "/nowhere/at/all" in err and not out, (out, err)
        for option in ["--json", "--junit"]:
            assert "/dev/full" in sweep.sim("s", option, "/dev/full", check=4)[1]
        sweep.write("file", "")
        assert "file: cannot be made" in sweep.sim("s", "--out", "file", check=4)[1]


def test_wrong_command_lines_are_exit_2():
    with Sweep() as sweep:
        example(sweep)
        for words, said in [(["s", "--record", "r.trr"], "--record needs one scenario"),
                            (["s", "--shard", "0/4"], "is not I/N"),
                            (["s", "--shard", "5/4"], "is not I/N"),
                            (["s", "--shard", "1"], "is not I/N"),
                            (["s", "--shard", "1/2x"], "is not I/N"),
                            (["s", "--shard", "1/2", "--fail-fast"], "must be whole"),
                            (["s", "--jobs", "0"], "--jobs"),
                            (["s", "-"], "standard input"),
                            (["s", "--json", "x", "--junit", "x"], "the same file"),
                            (["s", "--json", "s/e.yaml"], "cannot be its output"),
                            (["--list"], "a scenario is missing"),
                            (["s", "--set", "rate"], "is not NAME=VALUE"),
                            (["s", "--set", "rate=3"], "no scenario has a parameter 'rate'")]:
            err = sweep.sim(*words, check=2)[1]
            assert said in err, (words, err)
        sweep.write("s/parts/unused.yaml", "parameters: {rate: 3}\n")
        sweep.scenario("s/g.yaml", "include: [parts/unused.yaml]\n")
        assert "did you mean 'rate'?" in sweep.sim("s", "--set", "rat=3", check=2)[1]
        assert "did you mean 'rate'?" in sweep.sim("s/g.yaml", "--set", "rat=3", check=2)[1]
        assert "it is set, but nothing uses" in sweep.sim("s", "--set", "rate=3", check=3)[0]
        os.mkdir(sweep.path("s/none"))
        assert "there is no scenario" in sweep.sim("s/none", check=3)[1]
        assert "in its path" in sweep.sim("s", "--filter", "zzz", check=3)[1]
        assert "cannot be opened" in sweep.sim("s", "nowhere.yaml", check=3)[0]


# SIM-5
def test_junit_is_valid_and_has_a_suite_for_each_file():
    with Sweep() as sweep:
        example(sweep)
        sweep.write("s/<&\">'.yaml", "title: \"<&>\\\"'\"\nbad: ]]>\n")
        sweep.scenario("s/z.yaml", "title: \"a <b> & 'c' \\\"d\\\" ]]>\"\n")
        sweep.sim("s", "--junit", "o.xml", "--quiet", check=3)
        sweep.sim("s/e.yaml", "--junit", "one.xml")
        for name in ["o.xml", "one.xml"]:
            validate(sweep, name)
        text = sweep.read("o.xml").decode()
        assert text.count("<testsuite ") == 6 and text.count("<testcase ") == 9
        assert 'name="s/b.yaml" tests="3" failures="0" errors="0"' in text
        assert 'value="a &lt;b&gt; &amp; ' in text
        broken = text.replace(' classname="s.b"', "")
        sweep.write("broken.xml", broken)
        assert xmllint(sweep, "broken.xml").returncode != 0


def xmllint(sweep, name):
    return subprocess.run(["xmllint", "--noout", "--schema", XSD, name], cwd=sweep.folder,
                          capture_output=True, timeout=60)


def validate(sweep, name):
    done = xmllint(sweep, name)
    assert done.returncode == 0, done.stderr.decode()


def test_wall_time_is_for_a_terminal_alone():
    with Sweep() as sweep:
        example(sweep)
        plain, _ = sweep.sim("s")
        assert " s\n" not in plain and "\033" not in plain
        master, slave = pty.openpty()
        run = subprocess.Popen([PROGRAM, "sim", "s"], cwd=sweep.folder, stdout=slave,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               env={**os.environ, "TERM": "xterm"})
        os.close(slave)
        shown = b""
        try:
            while True:
                more = os.read(master, 4096)
                if not more:
                    break
                shown += more
        except OSError:
            pass
        os.close(master)
        assert run.wait(timeout=60) == 0
        lines = shown.decode().splitlines()
        assert "s/a.yaml seed 9  " in lines[0] and lines[0].endswith(" s"), lines


def test_the_parts_of_a_policy_come_from_where_they_stand():
    with Sweep() as sweep:
        sweep.write("lib/policies/p.yaml", "models: {m: {endpoints: {a: {slots: 4}}}}\n")
        sweep.write("lib/parts/base.yaml", "policy: ../policies/p.yaml\nworkload: {rate: 5}\n"
                    "requests: 20\nparameters: {slots: 2}\n")
        sweep.write("s/a.yaml", "include: [../lib/parts/base.yaml]\n")
        sweep.write("s/b.yaml", "include: [../lib/parts/base.yaml]\npolicy:\n"
                    "  base: ../lib/policies/p.yaml\n"
                    "  set: {models: {m: {endpoints: {a: {slots: \"${slots}\"}, b: {}}}}}\n")
        rows = json.loads(sweep.sim("s", "--json", "-")[0])
        assert [row["policy"] for row in rows] == ["s/../lib/parts/../policies/p.yaml",
                                                   "s/../lib/policies/p.yaml"], rows
        assert rows[0]["policy_id"] != rows[1]["policy_id"]
        more = json.loads(sweep.sim("s", "--json", "-", "--set", "slots=9", "--filter", "b.yaml")[0])
        assert more[0]["policy_id"] not in [row["policy_id"] for row in rows]
        one = json.loads(sweep.sim("s/b.yaml", "--policy", "lib/policies/p.yaml", "--json", "-")[0])
        assert one["policy_id"] == rows[0]["policy_id"]


def main():
    tests = [(name, function) for name, function in globals().items()
             if name.startswith("test_") and (not sys.argv[3:] or name in sys.argv[3:])]
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
