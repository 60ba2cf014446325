#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a scenario is when its files and parameters are put together: its canonical form.

    language.py PROGRAM
"""
import json
import os
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1])


class Folder:
    def __init__(self, **files):
        self.keeper = tempfile.TemporaryDirectory()
        for name, text in files.items():
            path = os.path.join(self.keeper.name, name.replace("__", "/") + ".yaml")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.keeper.cleanup()

    def check(self, name, *words, code=0):
        done = subprocess.run([PROGRAM, "check", name + ".yaml", *words], capture_output=True,
                              cwd=self.keeper.name, timeout=60)
        assert done.returncode == code, done.stderr.decode()
        return done

    def read(self, name):
        return json.loads(self.check(name, "--canonical").stdout)

    def complaint(self, name):
        return self.check(name, code=3).stderr.decode()


# SIM-5
def test_maps_merge_lists_are_replaced_later_files_win_and_the_file_itself_last():
    with Folder(one="store_ms: 1\nstop_s: 1\nduration_s: 1\nrequests: 1\nproves: [SIM-1, SIM-2]\n"
                    "labels: {tenants: {a: 1, b: 1}, model: m}\n",
                two="store_ms: 2\nstop_s: 2\nduration_s: 2\nproves: [SIM-3]\n"
                    "labels: {tenants: {b: 2, c: 2}}\n",
                top="include: [one.yaml, two.yaml]\nstore_ms: 3\nlabels: {tenants: {c: 3, d: 3}}\n",
                ) as folder:
        got = folder.read("top")
        assert (got["store_ms"], got["stop_s"], got["requests"]) == (3, 2, 1), got
        assert got["labels"]["tenants"] == {"a": 1, "b": 2, "c": 3, "d": 3}
        assert got["labels"]["model"] == "m" and got["proves"] == ["SIM-3"]


def test_a_value_between_two_maps_parts_them():
    with Folder(one="policy: {models: {a: {endpoints: {x: {}}}}}\n", two="policy: p.yaml\n",
                p="models: {b: {endpoints: {x: {}}}}\n",
                top="include: [one.yaml, two.yaml]\n"
                    "policy: {models: {c: {endpoints: {x: {}}}}}\n") as folder:
        assert list(folder.read("top")["policy"]["models"]) == ["c"]


def test_paths_are_taken_from_the_folder_of_the_file_that_names_them():
    with Folder(lib__base="include: [more/deep.yaml]\npolicy: p.yaml\n",
                lib__more__deep="trace: {file: \"arena:t.csv\"}\n",
                lib__p="models: {b: {endpoints: {x: {}}}}\n",
                top="include: [lib/base.yaml]\n") as folder:
        assert folder.read("top")["trace"]["file"] == "arena:t.csv"
        # The policy is found: `check` has loaded it to check the fleet by it.
        with open(os.path.join(folder.keeper.name, "top.yaml"), "a", encoding="utf-8") as file:
            file.write("fleet: {models: {c: {token_ms: 1}}}\n")
        assert "the policy has no model named 'c'" in folder.complaint("top")


def test_what_is_wrong_is_said_of_the_file_where_it_stands():
    with Folder(base="store_ms: 1\nlabels:\n  modl: m\n", top="include: [base.yaml]\nstop_s: 1\n"
                ) as folder:
        assert "base.yaml:3:3: labels: unknown key 'modl'" in folder.complaint("top")
    with Folder(base="trace: {file: \"arena:t.csv\"}\n",
                top="include: [base.yaml]\nworkload: {rate: 1}\nrequests: 1\n") as folder:
        assert "top.yaml:2:11: workload: found beside 'trace'" in folder.complaint("top")


def test_a_whole_parameter_keeps_its_type_and_a_part_of_a_text_is_text():
    with Folder(top="parameters: {n: 3, word: m, yes: true, text: \"9\"}\n"
                    "title: \"${text} of ${n} $${n} $n\"\nstore_ms: \"${n}\"\nstop_s: ${n}5\n"
                    "labels: {model: \"${word}-${n}\", stream: \"${yes}\", intent: \"${text}\"}\n"
                ) as folder:
        got = folder.read("top")
        assert got["title"] == "9 of 3 $${n} $n", got["title"]
        assert (got["store_ms"], got["stop_s"]) == (3, 35)
        labels = got["labels"]
        assert (labels["model"], labels["stream"], labels["intent"]) == ("m-3", True, "9")


def test_parameters_are_merged_before_they_are_put_in():
    with Folder(base="parameters: {a: 1, b: 1}\nstore_ms: \"${a}\"\nstop_s: \"${b}\"\n",
                top="include: [base.yaml]\nparameters: {b: 2}\nrequests: \"${a}\"\n") as folder:
        got = folder.read("top")
        assert (got["store_ms"], got["stop_s"], got["requests"]) == (1, 2, 1)
        assert got["parameters"] == {} and got["include"] == []


def test_an_inherited_parameter_may_be_left_unused():
    with Folder(base="parameters: {a: 1}\nlabels: {intent: \"x${a}\"}\nstore_ms: \"${a}\"\n",
                top="include: [base.yaml]\nlabels: {intent: y}\nstore_ms: 4\n") as folder:
        assert folder.read("top")["labels"]["intent"] == "y"


def test_what_is_set_over_a_policy_is_merged_like_includes():
    with Folder(p="models: {m: {endpoints: {a: {slots: 1}}}}\nmodel: {}\n",
                top="policy: {base: p.yaml, set: {models: {m: {endpoints: {b: {slots: 2}}}}}}\n",
                low="policy: {base: q.yaml, set: {models: {m: {endpoints: {b: {slots: 2}}}}}}\n",
                q="models: {m: {endpoints: {a: {slots: 0}}}}\n") as folder:
        assert "p.yaml:2:1: unknown key 'model'" in folder.complaint("top")
        assert "q.yaml:1:37: models.m.endpoints.a.slots" in folder.complaint("low")


def test_the_canonical_form_is_its_own():
    with Folder(base="parameters: {a: 1}\nseeds: 1..9\ntitle: \"$${a}\"\n",
                top="include: [base.yaml]\nstore_ms: \"${a}\"\n"
                    "policy: {models: {m: {endpoints: {a: {slots: 1}}}}}\n") as folder:
        first = folder.check("top", "--canonical").stdout
        with open(os.path.join(folder.keeper.name, "again.yaml"), "wb") as file:
            file.write(first)
        assert folder.check("again", "--canonical").stdout == first
        got = json.loads(first)
        assert got["seeds"] == "1..9" and "seed" not in got and got["title"] == "$${a}", got


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


main()
