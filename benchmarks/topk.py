"""The top 100 of 100,000 users among a million items of 128 dimensions, by the index of a night with a large catalogue.

python -m benchmarks.topk             # minutes: the vectors are made first
python -m benchmarks.topk --quick     # 60,000 items, 5,000 users, no limits

Two kinds of vectors. `fitted` are what `spectral` finds in Gowalla's histories expanded to a million items
(benchmarks/recommenders/expanded_gowalla.py says how), with each user's own items left out: they are held to the limits. `gaussian` are
independent normal numbers, in which nothing is near anything: no index of lists helps there, and what it does is shown for 1,000 users,
without a limit. Seconds are those of making the index, choosing how many lists to look into, and searching. `exact_seconds` is what
scoring everything would take, extrapolated from 999 users.

Limits, of the full run on `fitted`: less than 60 seconds, recall at 100 against exact lists at least 0.99, less than 4 GB of
memory (resident, at its peak, with the vectors). Needs ../shared/data.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import measured
from training import arrays

MOST_SECONDS, LEAST_RECALL, MOST_GIGABYTES = 60.0, 0.99, 4.0
GAUSSIAN_USERS = 1_000
COLUMNS = ("items", "users", "seconds", "building_seconds", "searching_seconds", "exact_seconds", "recall_at_100", "gigabytes")


def fitted(folder: Path, is_quick: bool) -> Path:
    file = folder / "fitted.npz"
    measured("benchmarks.recommenders.expanded_gowalla", file, *(["--quick"] if is_quick else []))
    return file


def gaussian(folder: Path, like: Path) -> Path:
    """As many items of as many dimensions as in `like`, and some users."""
    file, shape = folder / "gaussian.npz", arrays.load(like)["items"].shape
    random = np.random.default_rng(3)
    items, queries = (random.standard_normal((rows, shape[1]), dtype=np.float32) for rows in (shape[0], GAUSSIAN_USERS))
    arrays.save(file, items=items, queries=queries, own_items=np.empty(0, np.int32), own_offsets=np.zeros(GAUSSIAN_USERS + 1, np.int32))
    return file


def row(file: Path) -> dict[str, Any]:
    run, output = measured("benchmarks.recommenders.top_lists", file)
    return {"vectors": file.stem} | json.loads(output.strip().splitlines()[-1]) | {"gigabytes": run.gigabytes}


def faults(found: dict[str, Any]) -> list[str]:
    """Which limits are not met."""
    limits = {
        f"{found['seconds']} s >= {MOST_SECONDS}": found["seconds"] < MOST_SECONDS,
        f"recall {found['recall_at_100']} < {LEAST_RECALL}": found["recall_at_100"] >= LEAST_RECALL,
        f"{found['gigabytes']} GB >= {MOST_GIGABYTES}": found["gigabytes"] < MOST_GIGABYTES,
    }
    return [fault for fault, is_met in limits.items() if not is_met]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="60,000 items and 5,000 users, without limits")
    is_quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="nightcart-topk-") as folder:
        file = fitted(Path(folder), is_quick)
        first = row(file)
        rows = [first, row(gaussian(Path(folder), file))]
    print("| vectors | " + " | ".join(COLUMNS) + " |\n|---|" + "---:|" * len(COLUMNS))
    for each in rows:
        print(f"| {each['vectors']} | " + " | ".join(str(each[column]) for column in COLUMNS) + " |")
    found = [] if is_quick else faults(first)
    print(*found, sep="\n")
    print(json.dumps({"rows": rows, "faults": found}))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
