"""What `./dev bench --peers` measures: the rivals, and one row for every speed that docs/benchmarks.md promises.

A name of a benchmark of heddle_bench may hold *, one per part of the name: then a row has several cells (shapes), and its
ratio is that of the worst.
"""

from dataclasses import dataclass


# glibc gives the large buffers of a step back to the kernel and faults them in again at the next. Who tunes PyTorch on a CPU
# turns that off (or loads another allocator); it makes steps up to 2.7 times as fast. Goals are against PyTorch as it is
# started; the table has a column against the tuned one.
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}

# The ways in which a PyTorch program is run: --variant of its script, environment.
PLAIN = {name: (name, {}) for name in ("eager_f32", "eager_bf16", "compile_f32", "compile_bf16")}
KEEPING = {f"{name}, tuned": (name, TUNED) for name in PLAIN}
VARIANTS = {**PLAIN, **KEEPING}


@dataclass(frozen=True)
class Rival:
    script: str
    arguments: tuple = ()
    variants: bool = True  # runs in the ways of VARIANTS; the best of them counts
    label: str = "PyTorch"


@dataclass(frozen=True)
class Goal:
    least: float
    # Which ratio must reach it: "eager" (PyTorch, eager f32), "best" (of PyTorch's variants; the rival itself where it
    # has none), "own" (another benchmark of Heddle's, or a limit).
    against: str
    text: str = ""  # how the table says it


@dataclass(frozen=True)
class Row:
    title: str
    benchmark: str
    rival: Rival | None = None
    goal: Goal | None = None
    own: str = ""  # benchmark of Heddle's to compare with
    own_factor: float = 1  # the other's figure is multiplied by it
    own_threads: int = 0  # threads of the other, 0 = all processors
    memory: bool = False  # peaks of memory are compared instead of speeds
    limit: float = 0  # of memory, bytes
    slow: bool = False  # only with --slow or --only


L1 = Rival("l1_step.py", ("--active", "110"))
L1_DENSE = Rival("l1_step.py", ("--active", "1024"))
GRID = Rival("l1_step.py", ("--grid",))
GPTREC = {items: Rival("gptrec_step.py", ("--items", str(items))) for items in (18345, 3417)}
SHORT = {items: Rival("gptrec_step.py", ("--items", str(items), "--short")) for items in (18345, 3417)}
LISTS = Rival("evaluation.py")
EVALUATION = Rival("evaluation.py", ("--whole",))
STEERING = Rival("steering_sweep.py")
SAMPLED = Rival("sampled_loss_step.py", variants=False)
METRICS = Rival("three_metrics.py", variants=False, label="SciPy")
SKLEARN = Rival("three_metrics.py", ("--sklearn",), variants=False, label="scikit-learn")
READING = Rival("read_csv.py", ("{cache}",), variants=False, label="pandas")


def gptrec_rows(items, name, f32, bf16):
    f32_step, bf16_step = f"gptrec_step/{items}/f32", f"gptrec_step/{items}/bf16"
    return {
        f"gptrec-{items}-f32": Row(f"GPTRec step, {name} items, f32", f32_step, GPTREC[items], Goal(f32, "eager")),
        f"gptrec-{items}-bf16": Row(f"GPTRec step, {name} items, bf16", bf16_step, GPTREC[items], Goal(bf16, "best")),
        f"short-{items}-f32": Row(
            f" short sequences, {name}, f32", f"gptrec_short/{items}/f32", SHORT[items], Goal(0.9, "own", ".9 full"), own=f32_step
        ),
        f"short-{items}-bf16": Row(
            f" short sequences, {name}, bf16", f"gptrec_short/{items}/bf16", SHORT[items], Goal(0.9, "own", ".9 full"), own=bf16_step
        ),
    }


ROWS = {
    "l1-110-f32": Row("L1 step, L0 110, f32", "l1_step/110/f32", L1, Goal(10, "eager")),
    "l1-110-bf16": Row("L1 step, L0 110, bf16", "l1_step/110/bf16", L1, Goal(5, "best")),
    "dictionaries-own": Row(
        "16 dictionaries on one stream, f32", "dictionaries/16/f32", L1, Goal(0.9, "own", ".9 alone"), own="dictionaries/1/f32"
    ),
    "dictionaries-own-bf16": Row(
        "16 dictionaries on one stream, bf16", "dictionaries/16/bf16", L1, Goal(0.9, "own", ".9 alone"), own="dictionaries/1/bf16"
    ),
    "dictionaries-memory": Row(
        " memory, against 16 processes", "dictionaries/16/f32", L1, Goal(1, "own", "16 alone"), "dictionaries/1/f32", 16, memory=True
    ),
    "threads-l1": Row(" L1 step, threads", "l1_step/110/f32", None, Goal(1.8, "own", "1.8 x 1"), "l1_step/110/f32", own_threads=1),
    "l1-1024-f32": Row("L1 step, L0 1,024, f32", "l1_step/1024/f32", L1_DENSE, Goal(1.3, "best")),
    "l1-1024-bf16": Row("L1 step, L0 1,024, bf16", "l1_step/1024/bf16", L1_DENSE, Goal(1.3, "best")),
    "grid-f32": Row("worst of d 64-512 x m 64-8,192, f32", "l1_grid/*/*/f32", GRID, Goal(1, "best")),
    "grid-bf16": Row("worst of d 64-512 x m 64-8,192, bf16", "l1_grid/*/*/bf16", GRID, Goal(1, "best")),
    **gptrec_rows(18345, "18,345", 4, 4),
    "gptrec-memory": Row(
        " memory of the step", "gptrec_step/18345/f32", GPTREC[18345], Goal(1, "own", "400 MB"), memory=True, limit=400e6
    ),
    "threads-gptrec": Row(
        " GPTRec step, threads", "gptrec_step/18345/f32", None, Goal(1.8, "own", "1.8 x 1"), "gptrec_step/18345/f32", own_threads=1
    ),
    **gptrec_rows(3417, "3,417", 3, 3),
    "sampled": Row("sampled loss, 256 of 18,345 items", "sampled_loss_step/popularity:0", SAMPLED),
    "lists-f32": Row("top 10 of 18,345, seen filter, f32", "evaluation/18345/f32", LISTS, Goal(5, "eager")),
    "lists-bf16": Row("top 10 of 18,345, seen filter, bf16", "evaluation/18345/bf16", LISTS, Goal(5, "best")),
    "evaluation": Row(" with the backbone's forward pass", "evaluation_whole/18345/f32", EVALUATION),
    "metrics": Row("three metrics, all pairs", "three_metrics", METRICS, Goal(100, "best", "100 SciPy")),
    "metrics-reading": Row(
        " against reading the codes once", "three_metrics", None, Goal(1, "own", "1/3 read"), "codes_read_once", 1 / 3
    ),
    "metrics-sklearn": Row(" against scikit-learn", "three_metrics", SKLEARN, slow=True),
    "steering": Row("sweep, 21 values x 5 x 1,000 users", "steering_sweep/resumed", STEERING, Goal(10, "best")),
    "reading": Row("ratings.csv of 20M rows", "read_ratings", READING, Goal(5, "best", "5 pandas")),
    "reading-memory": Row(" memory", "read_ratings", READING, Goal(2, "best", "2 pandas"), memory=True),
}
