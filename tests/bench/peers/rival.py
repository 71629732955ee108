"""What the rivals share: timing of a step and the line of JSON that compare.py reads."""

import json
import os
import statistics
import time


def measure(step, work, warmup, repeats):
    """Runs step() warmup + repeats times; prints the median of the latter. work: rows, tokens or points per step."""
    for _ in range(warmup):
        note = step()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        note = step()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    print(json.dumps({"seconds": median, "per_second": work / median, "note": note}), flush=True)


def threads():
    return len(os.sched_getaffinity(0))
