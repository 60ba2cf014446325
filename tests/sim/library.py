#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The library of scenarios: all of it is green, each of it can fail, and its page is current.

    library.py PROGRAM ROOT      speaks TAP; TR_UPDATE=1 rewrites scenarios/README.md

A scenario of the library says in its head comment how it turns red:

    # Red with --set NAME=VALUE, --set OTHER=VALUE

each of which switches off a mechanism that it is about, and has to fail an assertion.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
FOLDER = os.path.join(ROOT, "scenarios")
PAGE = os.path.join(FOLDER, "README.md")
PARTS = ["policies", "profiles", "parts", "traces"]
# About a second of CPU. All of them together are played before every change.
EVENTS_MAX = 300000
# Of each area of the requirements, how many there are.
REQUIREMENTS = {"ADM": 7, "SCH": 7, "RTE": 10, "RES": 5, "JOB": 6, "API": 6, "RPL": 7, "SIM": 8,
                "BEN": 5, "GOV": 8, "WFL": 1, "MEM": 2, "ISO": 1, "EVL": 1, "MOD": 2, "OPS": 8}
HEAD = """# Scenarios

Each of these files is a failure that real gateways or simulators have had: what goes wrong, and what must hold all the same. A file is
whole in itself (requests, servers, policy, faults, assertions; [scenario.md](../docs/scenario.md) has the words) and begins with its story.

    tailrace sim scenarios/
    tailrace sim scenarios/resilience/retry-storm.yaml
    tailrace sim scenarios/resilience/retry-storm.yaml --set budget=100

The last line switches off what the scenario is about, and it fails: the column *red with* has such a setting for each, and the tests
try them all. Which edits of the engine turn which scenario red is in [mutants.md](../docs/mutants.md). This page is written by
`TR_UPDATE=1 tests/sim/library.py`.
"""


class Scenario:
    def __init__(self, path):
        text = open(path, encoding="utf-8").read()
        title = re.search(r"^title: (.*)$", text, re.MULTILINE)
        proves = re.search(r"^proves: \[(.*)\]$", text, re.MULTILINE)
        self.path = path
        self.name = os.path.relpath(path, FOLDER)
        self.folder = os.path.dirname(self.name)
        self.title = title.group(1).strip("\"'") if title else ""
        self.proves = [word.strip() for word in proves.group(1).split(",")] if proves else []
        self.red_with = [each for line in re.findall(r"^# Red with (--set .*)$", text, re.MULTILINE)
                         for each in line.split(", ")]
        self.faults = set(re.findall(r"\bkind: *(\w+)", text))


def scenarios():
    found = []
    for folder, folders, names in os.walk(FOLDER):
        folders[:] = sorted(name for name in folders if name not in PARTS)
        found += [Scenario(os.path.join(folder, name)) for name in sorted(names)
                  if name.endswith(".yaml")]
    return found


def library():
    """Those in a folder; what lies beside the folders are demonstrations."""
    return [scenario for scenario in scenarios() if scenario.folder]


def page():
    text = HEAD
    for folder in sorted({scenario.folder for scenario in library()}):
        text += f"\n## {folder}\n\n| scenario | proves | what must hold | red with |\n"
        text += "|---|---|---|---|\n"
        for scenario in library():
            if scenario.folder != folder:
                continue
            red = "<br>".join(f"`{line}`" for line in scenario.red_with)
            file = os.path.basename(scenario.name)[:-len(".yaml")]
            text += (f"| [{file}]({scenario.name}) | {', '.join(scenario.proves)} | "
                     f"{scenario.title} | {red} |\n")
    return text


def run(*words):
    return subprocess.run([PROGRAM, "sim", *words], capture_output=True, text=True, timeout=600,
                          stdin=subprocess.DEVNULL, check=False)


def test_each_scenario_says_what_it_is_about_and_which_requirement_it_proves():
    for scenario in library():
        assert scenario.title, f"{scenario.name}: no title"
        assert scenario.proves, f"{scenario.name}: proves nothing"
        for requirement in scenario.proves:
            area, _, number = requirement.partition("-")
            assert number.isdigit() and 1 <= int(number) <= REQUIREMENTS.get(area, 0), \
                f"{scenario.name}: there is no requirement {requirement}"


# SIM-4
def test_each_kind_of_fault_occurs():
    done = subprocess.run([PROGRAM, "check", "--reference", "faults"], capture_output=True,
                          text=True, check=True)
    kinds = re.findall(r"^\| `(\w+)` \| (?:tries|servers|the host|the store) ", done.stdout,
                       re.MULTILINE)
    used = set().union(*(scenario.faults for scenario in library()))
    assert len(kinds) > 20, kinds
    assert set(kinds) <= used, f"in no scenario: {sorted(set(kinds) - used)}"


def test_the_page_is_current():
    if os.environ.get("TR_UPDATE"):
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page())
    assert os.path.exists(PAGE) and open(PAGE, encoding="utf-8").read() == page(), \
        "scenarios/README.md differs; rewrite it with TR_UPDATE=1"


# SIM-5
def test_all_are_green():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        done = run(FOLDER, "--quiet", "--json", path)
        cases = json.load(open(path, encoding="utf-8"))
    wrong = [f"{case['scenario']} seed {case['seed']}: {text}" for case in cases
             for text in ([case["message"]] if case["message"] else
                          [a["text"] for a in case["assertions"] if not a["held"]])]
    assert done.returncode == 0 and not wrong, "\n".join(wrong) or done.stderr
    print(f"# {len(cases)} cases of {len(scenarios())} files")
    events = sorted(((case["events"], case["scenario"], case["seed"]) for case in cases
                     if not case["message"]), reverse=True)
    for count, name, seed in events[:3]:
        print(f"# {count} events: {os.path.relpath(name, FOLDER)} seed {seed}")
    assert events[0][0] <= EVENTS_MAX, "a case of the library is small"


# SIM-5: an assertion that cannot fail proves nothing.
def test_each_is_red_without_what_it_is_about():
    green = []
    for scenario in library():
        for line in scenario.red_with:
            done = run(scenario.path, "--fail-fast", *line.split())
            if done.returncode != 1 or "FAIL" not in done.stdout:
                green.append(f"{scenario.name} {line}: exit {done.returncode} {done.stderr}")
    assert not green, "\n".join(green)


def main():
    tests = [(name, function) for name, function in globals().items() if name.startswith("test_")]
    failed = False
    print(f"1..{len(tests)}")
    for number, (name, function) in enumerate(tests, 1):
        problem = None
        try:
            function()
        except Exception as error:  # pylint: disable=broad-except
            problem = f"{type(error).__name__}: {error}"
        print(f"{'not ok' if problem else 'ok'} {number} - {name}", flush=True)
        for line in (problem or "").splitlines():
            print("# " + line, flush=True)
        failed = failed or problem is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
