# SPDX-License-Identifier: Apache-2.0
"""The commands on traces as a user meets them: what they print, what they leave behind, how they
exit. Arguments: the program, the source root. (SIM-2)"""

import json
import os
import subprocess
import sys
import tempfile

program, root = sys.argv[1], sys.argv[2]
sample = os.path.join(root, "scenarios/traces/sample.csv")
tests = []


def test(function):
    tests.append(function)
    return function


def run(*arguments, **options):
    return subprocess.run([program, "trace", *arguments], capture_output=True, **options)


def expect(result, code, stderr=""):
    assert result.returncode == code, (result.returncode, result.stderr)
    assert stderr in result.stderr.decode(), result.stderr


@test
def sample_writes_the_shipped_bytes():
    result = run("sample", "--rows", "2000", "--seed", "1", "--shape", "azure-code")
    expect(result, 0)
    with open(sample, "rb") as file:
        assert result.stdout == file.read()


@test
def info_says_the_same_as_text_and_as_json():
    result = run("info", "azure:" + sample)
    expect(result, 0)
    text = result.stdout.decode()
    figures = json.loads(run("info", "azure:" + sample, "--json").stdout)
    assert figures["rows"] == 2000 and figures["bad_rows"] == 0
    assert "rows                   2000\n" in text
    assert "p50 %d," % figures["tokens_in"]["p50"] in text


@test
def cat_prints_rows_that_it_can_read_again():
    rows = run("cat", "azure:" + sample).stdout
    assert len(rows.splitlines()) == 2000
    assert json.loads(rows.splitlines()[0])["arrival_ns"] == 1704067200000000000
    again = run("cat", "tailrace:-", input=rows)
    expect(again, 0)
    assert again.stdout == rows


@test
def cat_stops_at_its_limit():
    assert len(run("cat", "azure:" + sample, "--limit", "3").stdout.splitlines()) == 3


@test
def cat_plays_as_the_simulator_does():
    rows = run("cat", "azure:" + sample, "--spread", "seeded", "--amplify", "2", "--repeat", "2")
    expect(rows, 0)
    times = [json.loads(row)["arrival_ns"] for row in rows.stdout.splitlines()]
    assert len(times) == 8000 and times == sorted(times)


@test
def convert_comes_back(folder):
    there, back = folder + "/there.csv", folder + "/back.csv"
    expect(run("convert", "azure:" + sample, "--to", "burstgpt", "--out", there), 0, "dates")
    expect(run("convert", "burstgpt:" + there, "--to", "azure", "--out", back), 0)
    with open(back) as file:
        lines = file.read().splitlines()
    assert lines[0] == "TIMESTAMP,ContextTokens,GeneratedTokens"
    assert lines[1].startswith("1970-01-01 00:00:00.0000000,") and len(lines) == 2001


@test
def convert_says_what_the_target_cannot_hold(folder):
    path = folder + "/rows.jsonl"
    with open(path, "w") as file:
        file.write('{"arrival_ns":0,"tokens_in":5,"tokens_out":6,"tenant":"t","block_tokens":16,'
                   '"blocks":[1]}\n')
    result = run("convert", "tailrace:" + path, "--to", "azure", "--out", folder + "/out.csv")
    expect(result, 0, "azure cannot hold tenants: lost in 1 of 1 rows")
    expect(result, 0, "azure cannot hold prefix blocks: lost in 1 of 1 rows")


@test
def convert_leaves_nothing_behind_when_the_input_is_bad(folder):
    path, out = folder + "/bad.csv", folder + "/out.jsonl"
    with open(path, "w") as file:
        file.write("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-01-01 00:00:00,5,6\nx,1,2\n")
    with open(out, "w") as file:
        file.write("precious")
    expect(run("convert", "azure:" + path, "--out", out), 3, "bad.csv:3: column 'TIMESTAMP'")
    assert sorted(os.listdir(folder)) == ["bad.csv", "out.jsonl"]
    with open(out) as file:
        assert file.read() == "precious"
    expect(run("convert", "azure:" + path, "--out", out, "--skip-bad"), 0, "1 malformed rows skipped")
    assert os.listdir(folder).count("out.jsonl") == 1 and len(os.listdir(folder)) == 2


@test
def convert_onto_itself_works(folder):
    path = folder + "/t.csv"
    with open(sample) as source, open(path, "w") as file:
        file.write(source.read())
    expect(run("convert", "azure:" + path, "--to", "azure", "--out", path), 0)
    with open(sample) as source, open(path) as file:
        assert file.read() == source.read()


@test
def convert_keeps_a_symbolic_link(folder):
    os.symlink("file.csv", folder + "/link.csv")
    with open(folder + "/file.csv", "w") as file:
        file.write("old")
    expect(run("convert", "azure:" + sample, "--to", "azure", "--out", folder + "/link.csv"), 0)
    assert os.path.islink(folder + "/link.csv")
    assert os.path.getsize(folder + "/file.csv") == os.path.getsize(sample)


@test
def outputs_that_fail_exit_4(folder):
    expect(run("convert", "azure:" + sample, "--out", "/dev/full"), 4, "/dev/full")
    expect(run("convert", "azure:" + sample, "--out", folder + "/no/such/file"), 4, "no/such/file")
    expect(run("sample", "--out", "/dev/full"), 4)
    with open("/dev/full", "w") as full:
        for command in (["cat", "azure:" + sample], ["info", "azure:" + sample], ["sample"]):
            result = subprocess.run([program, "trace", *command], stdout=full,
                                    stderr=subprocess.PIPE)
            expect(result, 4)


@test
def inputs_that_fail_exit_3(folder):
    expect(run("info", "azure:" + folder + "/none.csv"), 3, "cannot be opened")
    expect(run("info", "azure:" + folder), 3, "is a directory")
    expect(run("info", "mooncake:" + sample), 3, "not a JSON object")
    expect(run("info", "trr:" + sample), 3)
    expect(run("verify", sample), 3)
    expect(run("cat", "azure:-", input=b""), 3, "stdin: the file is empty")
    with open(sample, "rb") as file:
        expect(run("cat", "azure:-", "--repeat", "2", input=file.read()), 3, "cannot be read twice")


@test
def wrong_words_exit_2():
    expect(run("info", "azuer:" + sample), 2, "did you mean 'azure'?")
    expect(run("info", sample), 2, "FORMAT:FILE")
    expect(run("convert", "azure:" + sample, "--to", "trr"), 2)
    expect(run("sample", "--rows", "0"), 2)
    expect(run("cat", "azure:" + sample, "--amplify", "0"), 2)


for number, function in enumerate(tests, 1):
    try:
        with tempfile.TemporaryDirectory() as directory:
            function(*([directory] if function.__code__.co_argcount else []))
        print("ok", number, function.__name__)
    except Exception as error:  # a missing file is a failed test too
        print("not ok", number, function.__name__)
        print("#", type(error).__name__, str(error).replace("\n", " "))
print("1..%d" % len(tests))
