"""What the rivals share: arguments, timing of a step, and the line of JSON that compare.py reads."""

import argparse
import json
import os
import statistics
import time


def arguments(description):
    """A parser with what every rival accepts."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--repeats", type=int, help="timed steps (default: the script's own number)")
    return parser


def timed(step, warmup, repeats):
    """Median seconds of step(), and what its last call returned."""
    for _ in range(warmup):
        note = step()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        note = step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), note


def measure(step, work, warmup, repeats):
    """Times step() and reports it. work: rows, tokens, points … per step."""
    seconds, note = timed(step, warmup, repeats)
    report({"": work / seconds}, note)


def report(rates, note):
    """rates: units per second by the name of the cell; "" where there is only one."""
    print(json.dumps({"rates": rates, "note": note}), flush=True)


def threads():
    return len(os.sched_getaffinity(0))
