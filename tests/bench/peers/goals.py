"""What `./dev bench --peers` measures: the rivals, and one row for every speed that docs/benchmarks.md promises.

A name of a benchmark of heddle_bench may hold *, one per part of the name: then a row has several cells (shapes), and its
ratio is that of the worst. A row may be a whole run of the program `heddle` instead.
"""

from dataclasses import dataclass


# glibc gives the large buffers of a step back to the kernel and faults them in again at the next. Who tunes PyTorch on a CPU
# turns that off (or loads another allocator); it makes steps up to 2.7 times as fast. Goals are against PyTorch as it is
# started; the table has a column against the tuned one.
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}

# The ways in which a PyTorch program is run: --variant of its script, environment.
PLAIN = {name: (name, {}) for name in ("eager_f32", "eager_bf16", "compile_f32", "compile_bf16")}


def tuned(name):
    return f"{name}, tuned"


KEEPING = {tuned(name): (name, TUNED) for name in PLAIN}
VARIANTS = {**PLAIN, **KEEPING}


@dataclass(frozen=True)
class Rival:
    script: str
    arguments: tuple = ()
    variants: bool = True  # runs in the ways of VARIANTS; the best of them counts
    label: str = "PyTorch"
    like: "Rival | None" = None  # what is fastest there is taken as fastest here, where it was measured in the same session
    once: bool = False  # takes long: one turn, whatever --rounds says


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
    benchmark: str = ""
    rival: Rival | None = None
    goal: Goal | None = None
    own: str = ""  # benchmark of Heddle's to compare with
    own_factor: float = 1  # the other's figure is multiplied by it
    own_threads: int = 0  # threads of the other, 0 = all processors
    memory: bool = False  # peaks of memory are compared instead of speeds
    limit: float = 0  # of memory, bytes
    slow: str = ""  # how long it takes: only with --slow or --only
    config: str = ""  # a whole run of this configuration instead of a benchmark, against these limits
    limit_seconds: float = 0


L1 = Rival("l1_step.py", ("--active", "110"))
L1_DENSE = Rival("l1_step.py", ("--active", "1024"), like=L1)
GRID = Rival("l1_step.py", ("--grid",), once=True)  # what is fastest differs from shape to shape: all are run
GPTREC = {items: Rival("gptrec_step.py", ("--items", str(items))) for items in (18345, 3417)}
SHORT = {items: Rival("gptrec_step.py", ("--items", str(items), "--short"), like=GPTREC[items], once=True) for items in GPTREC}
LISTS = Rival("evaluation.py")
STEERING = Rival("steering_sweep.py")
EVALUATION = Rival("evaluation.py", ("--whole",), like=STEERING, once=True)
SAMPLED = Rival("sampled_loss_step.py", variants=False, label="PyTorch, eager f32 only")
METRICS = Rival("three_metrics.py", variants=False, label="SciPy")
SKLEARN = Rival("three_metrics.py", ("--sklearn",), variants=False, label="scikit-learn", once=True)
READING = Rival("read_csv.py", ("{cache}",), variants=False, label="pandas")


def threads_row(title, benchmark):
    return Row(f" {title}, threads", benchmark, None, Goal(1.8, "own", "1.8 x 1"), benchmark, own_threads=1)


def grid_row(title, benchmark):
    # The rival computes densely, its time depends little on how many features are active: both densities share its turns.
    return Row(f"worst of 12 shapes (d, m), {title}", benchmark, GRID, Goal(1, "best"))


def gptrec_rows(items, name, f32, bf16):
    f32_step, bf16_step = f"gptrec_step/{items}/f32", f"gptrec_step/{items}/bf16"
    return {
        f"gptrec-{items}-f32": Row(f"GPTRec step, {name} items, f32", f32_step, GPTREC[items], Goal(f32, "eager")),
        f"gptrec-{items}-bf16": Row(f"GPTRec step, {name} items, bf16", bf16_step, GPTREC[items], Goal(bf16, "best")),
        f"threads-gptrec-{items}-f32": threads_row(f"{name}, f32", f32_step),
        f"threads-gptrec-{items}-bf16": threads_row(f"{name}, bf16", bf16_step),
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
    "threads-l1-110-f32": threads_row("L1 step, L0 110, f32", "l1_step/110/f32"),
    "threads-l1-110-bf16": threads_row("L1 step, L0 110, bf16", "l1_step/110/bf16"),
    "l1-1024-f32": Row("L1 step, L0 1,024, f32", "l1_step/1024/f32", L1_DENSE, Goal(1.3, "best")),
    "l1-1024-bf16": Row("L1 step, L0 1,024, bf16", "l1_step/1024/bf16", L1_DENSE, Goal(1.3, "best")),
    "threads-l1-1024-f32": threads_row("L1 step, L0 1,024, f32", "l1_step/1024/f32"),
    **gptrec_rows(18345, "18,345", 4, 4),
    "gptrec-memory-f32": Row(
        " memory of the step, 18,345, f32", "gptrec_step/18345/f32", GPTREC[18345], Goal(1, "own", "400 MB"), memory=True, limit=400e6
    ),
    "gptrec-memory-bf16": Row(
        " memory of the step, 18,345, bf16", "gptrec_step/18345/bf16", GPTREC[18345], Goal(1, "own", "400 MB"), memory=True, limit=400e6
    ),
    **gptrec_rows(3417, "3,417", 3, 3),
    "sampled": Row("sampled loss, 256 items, f32, eager", "sampled_loss_step/popularity:0", SAMPLED),
    "lists-f32": Row("top 10 of 18,345, seen filter, f32", "evaluation/18345/f32", LISTS, Goal(5, "best")),
    "lists-bf16": Row("top 10 of 18,345, seen filter, bf16", "evaluation/18345/bf16", LISTS, Goal(5, "best")),
    "metrics": Row("three metrics, all pairs", "three_metrics", METRICS, Goal(100, "best", "100 SciPy")),
    "metrics-reading": Row(
        " against reading the codes once", "three_metrics", None, Goal(1, "own", "1/3 read"), "codes_read_once", 1 / 3
    ),
    "metrics-sklearn": Row(" against scikit-learn", "three_metrics", SKLEARN, slow="1 min"),
    "steering": Row("sweep, 21 values x 5 x 1,000 users", "steering_sweep/resumed", STEERING, Goal(10, "best")),
    "evaluation": Row("top 10, from histories, f32", "evaluation_whole/18345/f32", EVALUATION),
    "reading": Row("ratings.csv of 20M rows", "read_ratings", READING, Goal(5, "best", "5 pandas")),
    "reading-memory": Row(" memory", "read_ratings", READING, Goal(2, "best", "2 pandas"), memory=True),
    "grid-f32": grid_row("f32", "l1_grid/*/*/f32"),
    "grid-bf16": grid_row("bf16", "l1_grid/*/*/bf16"),
    "grid-dense-f32": grid_row("50%, f32", "l1_grid_dense/*/*/f32"),
    "grid-dense-bf16": grid_row("50%, bf16", "l1_grid_dense/*/*/bf16"),
    "ml20m": Row(
        "MovieLens-20M, from file to tables", config="configs/bench/ml20m-shape.toml", goal=Goal(1, "own", "1 h, 8 GB"),
        limit=8e9, limit_seconds=3600, slow="43 min"
    ),
}
