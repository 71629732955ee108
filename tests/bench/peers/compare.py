"""Rival and Heddle in turns, in one session on one machine: prints a table and writes it as JSON.

`./dev bench --peers` calls this. Each turn is a process of its own, so that peak memory can be told apart and neither side
warms the other's caches. Ratio = median of the rival's times / median of Heddle's.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent


@dataclass
class Task:
    title: str
    script: str  # the rival's
    benchmark: str  # Heddle's, in heddle_bench
    unit: str
    work: int  # units per step
    goal: float  # ratio that docs/benchmarks.md promises


TASKS = {
    "l1": Task("L1 training step, d 64, m 2048, batch 4096", "l1_step.py", "l1_step/110", "rows/s", 4096, 4),
    "gptrec": Task("GPTRec training step, 18,345 items, 64 x 128 tokens", "gptrec_step.py", "gptrec_step", "tokens/s", 8192, 2),
    "sampled": Task("Sampled loss, 18,345 items, 8,192 tokens x 256", "sampled_loss_step.py", "sampled_loss_step/threads:2/popularity:0", "tokens/s", 8192, 2),
    "metrics": Task("Pearson, AUC, sensitivity: 200,000 x 2,048 x 18", "three_metrics.py", "three_metrics", "points/s", 200_000, 20),
}


def run(command):
    """Standard output and peak memory (bytes) of a child that must succeed."""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"compare: exit code {child.returncode} from: {' '.join(map(str, command))}")
        output.seek(0)
        return output.read().decode(), usage.ru_maxrss * 1024


def run_rival(task):
    text, peak = run([sys.executable, HERE / task.script])
    result = json.loads(text.splitlines()[-1])
    return {"seconds": result["seconds"], "peak_bytes": peak, "note": result["note"]}


def run_heddle(task, program):
    text, peak = run([program, f"--benchmark_filter=^{task.benchmark}(/.*)?$", "--benchmark_format=json"])
    # The program prints nothing when no benchmark has this name.
    found = [entry for entry in json.loads(text or '{"benchmarks": []}')["benchmarks"] if entry.get("run_type") != "aggregate"]
    if not found or "error_message" in found[0]:
        sys.exit(f"compare: {program} gave no result for the benchmark '{task.benchmark}': {found}")
    seconds = found[0]["real_time"] * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[found[0]["time_unit"]]
    note = {key: found[0][key] for key in ("l0", "loss") if key in found[0]}
    return {"seconds": seconds, "peak_bytes": peak, "note": note}


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def versions():
    # Read, not imported: a child's peak memory starts at that of the process that forked it, so this one must stay small.
    found = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "scipy")}
    return {"python": platform.python_version(), **found}


def summary(turns):
    return {
        "seconds": statistics.median(turn["seconds"] for turn in turns),
        "peak_bytes": max(turn["peak_bytes"] for turn in turns),
        "turns": turns,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heddle", required=True, help="the heddle_bench program")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="JSON file to write")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=TASKS, nargs="+", default=list(TASKS))
    arguments = parser.parse_args()
    report = {"cpu": cpu_name(), "threads": len(os.sched_getaffinity(0)), "versions": versions(), "tasks": {}}
    print(f"{report['cpu']}, {report['threads']} threads; torch {report['versions']['torch']}, scipy {report['versions']['scipy']}")
    print(f"{'task':<52} {'rival':>16} {'Heddle':>16} {'ratio':>7} {'goal':>5} {'peak MB, rival':>15} {'Heddle':>7}")
    for name in arguments.only:
        task = TASKS[name]
        heddle, rival = [], []
        for _ in range(arguments.rounds):
            heddle.append(run_heddle(task, arguments.heddle))
            rival.append(run_rival(task))
        ours, theirs = summary(heddle), summary(rival)
        ratio = theirs["seconds"] / ours["seconds"]
        report["tasks"][name] = {"title": task.title, "heddle": ours, "rival": theirs, "ratio": ratio, "goal": task.goal}
        rates = [f"{task.work / side['seconds']:,.0f} {task.unit}" for side in (theirs, ours)]
        peaks = [side["peak_bytes"] / 1e6 for side in (theirs, ours)]
        print(f"{task.title:<52} {rates[0]:>16} {rates[1]:>16} {ratio:>6.1f}x {task.goal:>4}x {peaks[0]:>15,.0f} {peaks[1]:>7,.0f}", flush=True)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {arguments.output}")


if __name__ == "__main__":
    main()
