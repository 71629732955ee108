"""One turn of a rival or of Heddle: a process of its own, so that peak memory can be told apart and neither side warms the
other's caches."""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

import goals


@dataclass
class Turn:
    rates: dict  # units per second by cell; "" where there is one
    peak_bytes: int
    note: dict


@dataclass
class Side:
    """All turns of one rival in one variant, or of one benchmark."""

    turns: list = field(default_factory=list)

    def rates(self):
        return {cell: statistics.median(turn.rates[cell] for turn in self.turns) for cell in self.turns[0].rates}

    def rate(self):
        rates = list(self.rates().values())
        return rates[0] if len(rates) == 1 else None

    def peak_bytes(self):
        return max(turn.peak_bytes for turn in self.turns)

    def total(self):
        """One figure to rank variants by: the time for all cells, upside down."""
        return 1 / sum(1 / rate for rate in self.rates().values())

    def note(self, name):
        """Median of a counter; of several cells, the lowest."""
        found = [turn.note[name] for turn in self.turns if name in turn.note]
        return statistics.median(found) if found else None


def run(command, environment=None):
    """Standard output and peak memory (bytes) of a child that must succeed. What it says on standard error is shown when it
    does not."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, stdout=output, stderr=errors, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            sys.stderr.buffer.write(errors.read()[-4000:])
            sys.exit(f"compare: exit code {child.returncode} from: {' '.join(map(str, command))}")
        output.seek(0)
        return output.read().decode(), usage.ru_maxrss * 1024


def plain_name(name):
    """A benchmark's name without what Google Benchmark appends, and its number of threads, None where it has none."""
    threads, plain = None, []
    for part in name.split("/"):
        if part.startswith("threads:"):
            threads = int(part.removeprefix("threads:"))
        elif not re.fullmatch(r"(min_time|min_warmup_time|iterations|repeats):.*|process_time|real_time", part):
            plain.append(part)
    return "/".join(plain), threads


class Session:
    """Knows the two programs and the benchmarks that there are."""

    def __init__(self, heddle, python, scripts, cache):
        self.heddle, self.python, self.scripts, self.cache = heddle, python, scripts, cache
        self.threads = len(os.sched_getaffinity(0))
        self.context = {}  # what Google Benchmark says of the machine, with the peaks
        self.names = run([heddle, "--benchmark_list_tests=true"])[0].split()

    def benchmarks(self, pattern, threads):
        """Names of heddle_bench for a benchmark of goals.py, by cell. A benchmark without a number of threads uses all
        processors."""
        expression = re.compile("/".join("([^/]+)" if part == "*" else re.escape(part) for part in pattern.split("/")))
        found = {}
        for name in self.names:
            plain, count = plain_name(name)
            match = expression.fullmatch(plain)
            if match and (count or self.threads) == threads:
                found["/".join(match.groups())] = name
        if not found:
            sys.exit(f"compare: {self.heddle} has no benchmark '{pattern}' for {threads} threads; --benchmark_list_tests lists those it has")
        return found

    def heddle_turn(self, pattern, threads=0):
        found = self.benchmarks(pattern, threads or self.threads)
        names = "|".join(name.replace(".", r"\.") for name in found.values())
        text, peak = run(
            [self.heddle, f"--benchmark_filter=^({names})$", "--benchmark_format=json"], {"HEDDLE_BENCH_CACHE": str(self.cache)}
        )
        answer = json.loads(text)
        self.context = answer["context"]
        entries = {entry["name"]: entry for entry in answer["benchmarks"] if entry.get("run_type") != "aggregate"}
        rates, note = {}, {}
        for cell, name in found.items():
            entry = entries.get(name, {"error_message": "it did not run"})
            if "error_message" in entry or "items_per_second" not in entry:
                sys.exit(f"compare: no result from the benchmark '{name}': {entry.get('error_message', 'it counts no items')}")
            rates[cell] = entry["items_per_second"]
            for counter in ("flop_share", "byte_share", "bound", "l0", "loss"):
                if counter in entry:
                    note[f"{counter} {cell}".strip()] = entry[counter]
                    note[counter] = min(note.get(counter, entry[counter]), entry[counter])
        return Turn(rates, peak, note)

    def program(self):
        return pathlib.Path(self.heddle).resolve().with_name("heddle")

    def whole_run(self, config):
        """Seconds and peak memory of `heddle run` on a configuration whose HEDDLE_DATA is the folder of the benchmarks' files."""
        root = self.scripts.parents[2]
        with tempfile.TemporaryDirectory(prefix="run-", dir=self.cache) as results:
            started = time.monotonic()
            _, peak = run([self.program(), "run", root / config, "--out", f"{results}/out"], {"HEDDLE_DATA": str(self.cache)})
            return time.monotonic() - started, peak

    def rival_turn(self, rival: goals.Rival, variant):
        arguments = [text.format(cache=self.cache) for text in rival.arguments]
        name, environment = goals.VARIANTS[variant] if variant else (None, {})
        chosen = ["--variant", name] if name else []
        text, peak = run([self.python, "-B", self.scripts / rival.script, *arguments, *chosen], environment)
        answer = json.loads(text.splitlines()[-1])
        return Turn(answer["rates"], peak, answer["note"])
