"""pandas' C reader on the ratings.csv that heddle_bench's read_ratings makes: the fastest of its settings on that file, with
the smallest dtypes that hold the columns. That gives columns in the order of the file; Heddle's time includes mapping ids,
grouping by user and sorting by time.
"""

import pathlib
import sys

import pandas

import rival

ROWS = 19_984_024
TYPES = {"userId": "int32", "movieId": "int32", "rating": "float32", "timestamp": "int32"}
NEEDED = ["userId", "movieId", "timestamp"]
SETTINGS = {
    "typed": {"engine": "c", "dtype": TYPES},
    "columns": {"engine": "c", "usecols": NEEDED, "dtype": {name: TYPES[name] for name in NEEDED}},  # least memory
    "plain": {},
}


def main():
    parser = rival.arguments(__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="where ratings.csv is")
    parser.add_argument("--settings", choices=SETTINGS, default="typed")
    arguments = parser.parse_args()

    def step():
        table = pandas.read_csv(arguments.folder / "ratings.csv", **SETTINGS[arguments.settings])
        if len(table) != ROWS:
            sys.exit(f"{len(table)} rows, expected {ROWS}")
        return {"pandas": pandas.__version__, "settings": arguments.settings}

    rival.measure(step, ROWS, 1, arguments.repeats or 3)


if __name__ == "__main__":
    main()
