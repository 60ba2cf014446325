# SPDX-License-Identifier: Apache-2.0
"""docs/validation.md: written from what was measured, and read back for its figures."""
import re
from fractions import Fraction

from cells import SAMPLERS

UNIT = 10 ** 6

HEAD = """# Validation

Where mathematics knows the answer, the simulator is held to it. This page is written by `TR_UPDATE=1 make validate`; `make validate` runs
everything again (@TOTAL@ million requests, minutes) and compares to the digit, `make test-full` does the same, `make test` runs six of the
cells at a sixteenth of their length. All times are in mean service times.

## Queues

One model, one class, one tenant, no deadlines: then the engine has one queue, first come first served, and sends a request as soon as one of
k slots is free. Requests come as a Poisson process and their service is independent of it, so this is M/M/k (exponential service) or M/G/1.
The k slots are those of one endpoint; k endpoints of one slot give the same waits to the nanosecond, which a test compares for k = 8. The
wait is the one that the engine reports in `JOB_FINISH`: from submission to dispatch.

The exact wait is Erlang's for M/M/k and Pollaczek's and Khinchine's for M/G/1, in rational arithmetic. The simulated one is the mean of 61
batches after one that is thrown away because it begins with an empty system; the interval is Student's at 99.9%. A cell holds when

* at least 1% wait, the exact wait lies within the interval, and the half-width is at most 2% of it (5% at a load of 95%); or
* fewer than 1% wait, and the error is below 0.1% of the mean service time.

Seeds are constant.

"""

QUEUES_HEAD = """| queue | load | requests | that wait | exact wait | simulated | half-width | error |
|---|--:|--:|--:|--:|--:|--:|--:|
"""

QUEUES_TAIL = """
The error is relative to the exact wait; where fewer than 1% wait, marked *, it is in mean service times.

Service: M/D/1 is constant. *Half constant* has a service noise of 50%: half of the time constant, half exponential. *Product* has a service
and an endpoint noise of 100%: the product of two exponentials, coefficient of variation 1.73. *Tokens* is made of 1 to 424 tokens at a
constant pace, quantiles 19 at 50% and 200 at 90%, streamed token by token.

## Samplers

The moments of what the samplers give, read at 2^22 evenly spaced places of their 64 random bits, against those of the distribution whose
name they bear: how far they are off. Mean and variance must be within 0.1%; the third moment, E[X^3], is shown and not limited. Token counts
are compared with the straight lines between the quantiles of the defaults.

| sampler | mean | variance | third moment |
|---|--:|--:|--:|
"""

TAIL_START = "\n## Where the simulator is wrong\n"

TAIL_HEAD = TAIL_START + """
By how much, where that can be said:

* **Tails are cut.** The last 2^-17 of each tail (one draw in 131,072) is a straight line with the right mean. No exponential variate is
  above 13.8 times the mean; a true one is, about once in a million draws. Third moments are short by up to @THIRD@ (gamma with shape 0.1;
  see the table). Mean waits depend on second moments, and that of the exponential is short by 0.004%. What a run lacks is the very rare,
  very long: do not trust maxima, nor percentiles beyond the 99.999th.
* **Service times have a light tail.** Noise is at most one exponential for the request and one for the try (coefficient of variation 1.73).
  A real service may vary more, by prompt and by accident, and waits grow with the square of that coefficient.
* **The daily wave** is a rational function within 0.2% of a sine (of its height); its mean over a period is exact.
* **Percentiles in reports** come from histograms and are up to 1/128 too large. The figures above do not come from them.

The built-in profile, 50 ms + tokens / 7,000 per s and 45 ms a token, against the measurement that it stands for (splitwise-sim, llama2-70b
on eight A100-80GB; milliseconds):

| | measured | simulated | error |
|---|--:|--:|--:|
"""

TAIL = """
So at batch 64 an answer is made 58% faster than on the machine, and a prompt of 8,192 tokens is read in four fifths of the time: **with
many slots the simulator promises more than there is.** Give `fleet` a slower `token_ms` for the batch size that you expect.

Not modelled, so that the error has no bound that this page could state:

* In servers without `batching:`, requests in slots do not slow each other down: no continuous batching, no KV memory and no cliff when it is
  full, no prefix cache, no start-up.
* The network is a constant; clients never leave, retry or slow down.

The cells above hold queues, clock, arrivals and service draws to theory. They say nothing of priorities, shares, retries, hedges or
routing, for which there is no closed form with the engine's rules; those are held to their rules by the test suite.
"""

MEASURED_TITLE = "## Measured servers\n"

MEASURED_HEAD = MEASURED_TITLE + """
Runs of vLLM 0.19 (bf16, one GPU, prompts cut into pieces of 2,048 tokens a step), 300 requests each, of which `tailrace calibrate --fit 150`
makes a profile (`docs/calibrate.md`): from the first 150 requests alone, with nothing told of the server. Then all 300 are simulated, their
arrivals, prompt and answer lengths given, and the last 150 are compared. Times are in seconds: end to end from arrival to the last token,
wait from the engine's queue to its first step, prefill from there to the first token.

*Naive* is what one would do without a simulator, fitted to the same 150: as many slots as were ever in use, first come first served, a
constant time per prompt token and one per output token, all their time by all their tokens. The profile must be nearer in each line. (Errors
of the naive one may cancel: with medians for the two constants its median end to end of the Qwen run is 0.4% off, of a wait 10% too short
and tokens 11% too slow.) The bounds are ours. A wait shorter than
the time of one token is compared to that time: it is below what the engine's stamps resolve.
"""

MEASURED_TAIL = """
Where this is wrong, beyond the figures:

* **What was found in the prefix cache is not in the rows.** The runs hold conversations whose prompts begin alike. In the simulation all
  prompts are computed, a little faster each; which of them was fast is not known, and percentiles of prefill far from the middle are off.
* **Parts of a step that always came together are not told apart.** Each table's run says which. A load of another kind (a few requests at
  a time, much longer contexts) divides them differently, and a step may then be off by as much as the parts are.
* **Who is preempted, and when, is not foretold.** With KV memory full a block more or less changes it; percentiles hold, single requests
  do not.
* **One run each, on two machines.** Nothing is known of how much two runs of the same load differ.
"""

# What splitwise-sim measured: (what, ms), and the profile's answer.
PROFILE = [(f"first token, {tokens:,} prompt tokens, batch 1", Fraction(measured),
            50 + Fraction(tokens, 7))
           for tokens, measured in ((128, 65), (512, 96), (1024, 155), (2048, 274), (4096, 651),
                                    (8192, 1544))]
PROFILE += [(f"output token, batch {batch}", Fraction(measured), Fraction(45))
            for batch, measured in ((1, "44.9"), (16, 50), (64, 71))]


class Figures:
    """As printed, so that a page read back is the same page."""

    def __init__(self, cell, mean, width):
        self.cell = cell
        self.mean = Fraction(round(mean * UNIT), UNIT)
        self.width = Fraction(round(width * UNIT), UNIT)


def decimal(x, digits, sign=""):
    scaled = round(x * 10 ** digits)
    whole, rest = divmod(abs(scaled), 10 ** digits)
    text = f"{whole:,}.{rest:0{digits}}" if digits else f"{whole:,}"
    return ("-" if scaled < 0 else sign) + text


def percent(x, digits, sign=""):
    return decimal(x * 100, digits, sign) + "%"


def queue_row(figures):
    cell = figures.cell
    off = figures.mean - cell.wait
    rare = cell.waiting < Fraction(1, 100)
    error = decimal(off, 6, "+") + " *" if rare else percent(off / cell.wait, 2, "+")
    return (f"| {cell.title} | {cell.percent}% | {cell.requests:,} | {percent(cell.waiting, 2)} | "
            f"{decimal(cell.wait, 6)} | {decimal(figures.mean, 6)} | {decimal(figures.width, 6)} | "
            f"{error} |\n")


def read(text, cells):
    """The figures of a page; a cell that it does not show has none."""
    rows = {}
    for line in text.splitlines():
        words = [word.strip() for word in line.strip("|").split("|")]
        if len(words) == 8 and re.fullmatch(r"\d+%", words[1]):
            rows[words[0], words[1]] = words[5].replace(",", ""), words[6].replace(",", "")
    found = [(cell, rows.get((cell.title, f"{cell.percent}%"), (0, 0))) for cell in cells]
    return [Figures(cell, Fraction(mean), Fraction(width)) for cell, (mean, width) in found]


def seconds(x):
    return decimal(Fraction(round(x * 10 ** 6), 10 ** 6), 4 if x < 1 else 3)


def measured_section(runs):
    """Of measured.py's runs."""
    out = [MEASURED_HEAD]
    for run in runs:
        out.append(f"\n### {run.name}\n\n| | measured | simulated | error | bound | naive |\n"
                   "|---|--:|--:|--:|--:|--:|\n")
        for line in run.lines:
            bound = f"{line.bound:.0%}" if line.bound else ""
            out.append(f"| {line.title} | {seconds(line.measured)} | {seconds(line.simulated)} | "
                       f"{line.off:+.1%} | {bound} | {line.naive_off:+.1%} |\n")
        worst = max(run.lines, key=lambda line: abs(line.off))
        unknown = [key for key in run.result["not_known"] if key in run.result["batching"]]
        out.append(f"\nFurthest off: {worst.title}, {worst.off:+.1%}. Not known from these rows: "
                   + ", ".join(f"`{key}`" for key in unknown) + ".\n")
    out.append(MEASURED_TAIL)
    return "".join(out)


def measured_of(text):
    """The section of a page; "" if it has none."""
    start = text.find(MEASURED_TITLE)
    end = text.find("\n## ", start + 1)
    return text[start:end] if start >= 0 else ""


def with_measured(text, section):
    old = measured_of(text)
    if old:
        return text.replace(old, section)
    return text.replace(TAIL_START, "\n" + section + TAIL_START)


def render(rows, offs, measured):
    """`measured`: the section as it stands, which is written by measured.py."""
    total = round(sum(figures.cell.requests for figures in rows) / UNIT)
    out = [HEAD.replace("@TOTAL@", str(total)), QUEUES_HEAD]
    out += [queue_row(figures) for figures in rows]
    out.append(QUEUES_TAIL)
    for sampler, off in zip(SAMPLERS, offs):
        out.append(f"| {sampler.title} | " + " | ".join(percent(x, 4, "+") for x in off) + " |\n")
    third = percent(max(abs(off[2]) for off in offs), 2)
    out.append("\n" + measured if measured else "")
    out.append(TAIL_HEAD.replace("@THIRD@", third))
    for what, measured, simulated in PROFILE:
        out.append(f"| {what} | {decimal(measured, 1)} | {decimal(simulated, 1)} | "
                   f"{percent(simulated / measured - 1, 0, '+')} |\n")
    out.append(TAIL)
    return "".join(out)
