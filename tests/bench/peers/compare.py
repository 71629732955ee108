"""Rivals and Heddle in turns, in one session on one machine: prints a table and writes it as JSON.

`./dev bench --peers` calls this. A rival that is a PyTorch program first runs once in each of several ways (eager or compiled,
f32 or bf16); then Heddle, the rival in plain eager f32 and in the fastest way take turns. Figures are medians.
"""

import argparse
import datetime
import importlib.metadata
import json
import pathlib
import platform
import sys
import time

import table
from goals import KEEPING, PLAIN, ROWS, VARIANTS, Rival, tuned
from turns import Session, Side


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def versions():
    # Read, not imported: a child's peak memory starts at that of the process that forked it, so this one must stay small.
    found = {"python": platform.python_version()}
    for name in ("torch", "numpy", "scipy", "scikit-learn", "pandas"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


class Comparison:
    """Turns so far: of Heddle by benchmark and threads, of rivals by variant. Rows share them."""

    def __init__(self, session, rounds):
        self.session, self.rounds = session, rounds
        self.heddle, self.rivals = {}, {}

    def heddle_turn(self, benchmark, threads=0):
        self.heddle.setdefault((benchmark, threads), Side()).turns.append(self.session.heddle_turn(benchmark, threads))

    def rival_turn(self, rival, variant):
        self.rivals.setdefault((rival, variant), Side()).turns.append(self.session.rival_turn(rival, variant))

    def measure(self, group):
        """All turns that the rows of one group need: what is fastest once, then each in turn."""
        wanted = {}  # side: turns
        for rival in dict.fromkeys(row.rival for row in group if row.rival):
            rounds = 1 if rival.once else self.rounds
            for variant in self.chosen(rival) if rival.variants else [None]:
                wanted[rival, variant] = rounds
        for row in group:
            rounds = 1 if row.rival and row.rival.once else self.rounds
            for benchmark in [(row.benchmark, 0)] + ([(row.own, row.own_threads)] if row.own else []):
                wanted[benchmark] = max(rounds, wanted.get(benchmark, 0))
        for _ in range(self.rounds):
            for side, rounds in wanted.items():
                is_rival = isinstance(side[0], Rival)
                # The first turns, which told what is fastest, count too.
                if len((self.rivals if is_rival else self.heddle).get(side, Side()).turns) < rounds:
                    self.rival_turn(*side) if is_rival else self.heddle_turn(*side)

    def chosen(self, rival):
        """The variants that take turns: eager f32, the fastest, the fastest with the other allocator."""
        ranked = rival.like if (rival.like, "eager_bf16") in self.rivals else rival
        if ranked == rival:
            for variant in PLAIN:
                if (rival, variant) not in self.rivals:
                    self.rival_turn(rival, variant)
            # Only the two fastest can become the fastest of the tuned ones.
            for variant in sorted(PLAIN, key=lambda name: -self.rivals[rival, name].total())[:2]:
                if (rival, tuned(variant)) not in self.rivals:
                    self.rival_turn(rival, tuned(variant))
        return dict.fromkeys(["eager_f32", self.best(ranked, PLAIN), self.best(ranked, KEEPING)])

    def best(self, rival, variants):
        """Name of the fastest of the rival's variants that were measured."""
        return max((name for name in variants if (rival, name) in self.rivals), key=lambda variant: self.rivals[rival, variant].total())

    def figures(self, row):
        """Everything that a row says, as JSON holds it."""
        heddle = self.heddle[row.benchmark, 0]
        found = {
            "title": row.title.strip(),
            "memory": row.memory,
            "heddle": {"benchmark": row.benchmark, "rates": heddle.rates(), "peak_bytes": heddle.peak_bytes(), "bound": heddle.note("bound")},
            "turns": {"heddle": len(heddle.turns)},
            "ratios": {},
        }
        if row.rival:
            variants = [name for name in VARIANTS if (row.rival, name) in self.rivals] if row.rival.variants else [None]
            sides = {variant: self.rivals[row.rival, variant] for variant in variants}
            plain = {variant: side for variant, side in sides.items() if variant not in KEEPING}
            keeping = {variant: side for variant, side in sides.items() if variant in KEEPING}
            best = self.best(row.rival, plain) if row.rival.variants else None
            found["rival"] = {
                "label": row.rival.label,
                "script": " ".join([row.rival.script, *row.rival.arguments]),
                "best": best,
                "compared": len(plain) if row.rival.variants else None,  # of the four ways, those that were measured
                "tuned": self.best(row.rival, keeping) if keeping else None,
                "sides": {name or "rival": {"rates": side.rates(), "peak_bytes": side.peak_bytes()} for name, side in sides.items()},
            }
            found["turns"]["rival"] = len(sides[best].turns)
            if row.rival.variants:
                found["ratios"]["eager"] = self.ratio(row, heddle, plain["eager_f32"])
            if row.memory:
                found["ratios"]["best"] = self.ratio(row, heddle, plain[best])
            else:  # every cell against what is fastest there
                found["ratios"]["best"] = min(self.ratio(row, heddle, side) for side in plain.values())
                found["ratios"]["cells"] = {
                    cell: rate / max(side.rates()[cell] for side in plain.values()) for cell, rate in heddle.rates().items()
                }
                if keeping:
                    found["ratios"]["tuned"] = min(self.ratio(row, heddle, side) for side in keeping.values())
        if row.limit:
            found["ratios"]["own"] = row.limit / heddle.peak_bytes()
        elif row.own:
            found["ratios"]["own"] = self.ratio(row, heddle, self.heddle[row.own, row.own_threads], row.own_factor)
        if row.goal:
            reached = found["ratios"][row.goal.against]
            found["goal"] = {"least": row.goal.least, "against": row.goal.against, "text": row.goal.text, "reached": reached >= row.goal.least}
        return found

    def whole_run(self, row):
        """Figures of a row that is a whole run of the program: one turn, its time and its peak against their limits."""
        seconds, peak = self.session.whole_run(row.config)
        reached = min(row.limit_seconds / seconds, row.limit / peak)
        return {
            "title": row.title.strip(),
            "memory": False,
            "heddle": {"config": row.config, "seconds": seconds, "peak_bytes": peak, "bound": None},
            "turns": {"heddle": 1},
            "ratios": {"own": reached},
            "goal": {"least": row.goal.least, "against": "own", "text": row.goal.text, "reached": reached >= row.goal.least},
        }

    @staticmethod
    def ratio(row, heddle, other, factor=1.0):
        """How many times faster Heddle is than the other, or how many times smaller; of several cells, the worst."""
        if row.memory:
            return factor * other.peak_bytes() / heddle.peak_bytes()
        others = other.rates()
        return min(rate / (factor * others[cell]) for cell, rate in heddle.rates().items())

    def turns(self):
        """Every turn, for the JSON."""

        def as_json(side):
            return [vars(turn) for turn in side.turns]

        return {
            "heddle": {f"{name}, {threads or 'all'} threads": as_json(side) for (name, threads), side in self.heddle.items()},
            "rivals": {
                " ".join([rival.script, *rival.arguments, variant or ""]).strip(): as_json(side)
                for (rival, variant), side in self.rivals.items()
            },
        }


def arguments():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(prog="./dev bench --peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heddle", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--output", required=True, type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each (default 3)")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="these rows; a beginning of names stands for all of them")
    parser.add_argument("--slow", action="store_true", help="also the rows that are left out for the time that they take")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)  # of the arguments, before anything is built
    parser.add_argument("--list", action="store_true", help="list the rows")
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the rivals")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}; accepted: 1 or more")
    options.rows = [name for name, row in ROWS.items() if options.slow or not row.slow]
    options.left_out = [name for name in ROWS if name not in options.rows]
    if options.only:
        for start in options.only:
            if not any(name.startswith(start) for name in ROWS):
                parser.error(f"--only: there is no row '{start}'; --list lists them")
        options.rows, options.left_out = [name for name in ROWS if name.startswith(tuple(options.only))], []
    options.scripts = here
    return options


def groups(names):
    """Rows measured together, turn by turn: a row and those after it that share its rival or a benchmark."""

    def sides(row):
        return {side for side in (row.rival, row.benchmark, row.own) if side}

    made = []
    for name in names:
        if made and any(sides(ROWS[name]) & sides(ROWS[other]) for other in made[-1]):
            made[-1].append(name)
        else:
            made.append([name])
    return made


def main():
    options = arguments()
    if options.list:
        for name in options.rows:
            print(f"{name:<27} {ROWS[name].title.strip()}")
    if options.list or options.check:
        return
    session = Session(options.heddle, options.python, options.scripts, options.output.parent.resolve())
    for name in options.rows:  # a benchmark that is not there is told before an hour of measuring
        row = ROWS[name]
        if row.config:
            if not session.program().exists():
                sys.exit(f"compare: there is no {session.program()}, which the row {name} runs")
            continue
        session.benchmarks(row.benchmark, session.threads)
        if row.own:
            session.benchmarks(row.own, row.own_threads or session.threads)
    report = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "threads": session.threads,
        "rounds": options.rounds,
        "versions": versions(),
        "rows": {},
    }
    started = time.monotonic()
    table.print_head(report)
    comparison = Comparison(session, options.rounds)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for group in groups(options.rows):
        rows = [ROWS[name] for name in group]
        if any(row.config or row.rival and "{cache}" in row.rival.arguments for row in rows):
            session.heddle_turn("read_ratings")  # makes the file, once, and brings it into memory
        comparison.measure([row for row in rows if not row.config])
        for name in group:
            row = ROWS[name]
            report["rows"][name] = comparison.whole_run(row) if row.config else comparison.figures(row)
            table.print_row(row, report["rows"][name])
        # Written after every group: what was measured is kept when a later one fails.
        report["machine"], report["turns"] = session.context, comparison.turns()
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    for name in options.left_out:
        report["rows"][name] = {"title": ROWS[name].title.strip(), "not_run": f"not run ({ROWS[name].slow}; --slow)"}
        table.print_row(ROWS[name], report["rows"][name])
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    table.print_tail(report)
    print(f"written: {options.output} ({(time.monotonic() - started) / 60:.0f} min)")


if __name__ == "__main__":
    main()
