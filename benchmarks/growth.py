"""What a night costs after 10 and after 100 days of the same daily volume: it should follow the new day, not the history.

python -m benchmarks.growth                 # 1,000,000 events a day, 100,000 visitors
python -m benchmarks.growth --quick         # 20,000 events a day, 2,000 visitors
python -m benchmarks.growth --daily 200000  # or another volume
python -m benchmarks.growth --quick --days 200 400  # or other lengths: 10 days fill no window of the features, 200 most

The lakes are those of benchmarks.generated_lake. The night before the last is built in full, the last is added to it. Limit:
the seconds of all models and tests of that second night (dbt's start apart) after 100 days are at most 1.5 times those
after 10.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from benchmarks.features_build import build
from benchmarks.generated_lake import RUN_DATE, write_lake

MOST_RATIO = 1.5


@dataclass
class History:
    """A lake of so many days, and what its nights cost."""

    days: int
    full_seconds: float = 0.0
    full_peak_gigabytes: float = 0.0
    seconds: float = 0.0  # of the night that was added, models and tests
    peak_gigabytes: float = 0.0
    megabytes: float = 0.0
    by_model: dict[str, float] = field(default_factory=dict)


def measured(days: int, daily: int) -> History:
    """Build the last night but one in full, and add the last."""
    history = History(days)
    with tempfile.TemporaryDirectory(prefix="nightcart-benchmark-") as folder:
        data = Path(folder)
        write_lake(data / "demo" / "lake", days + 1, daily)
        full = build(data, RUN_DATE - timedelta(days=1))
        added = build(data, RUN_DATE)
    history.full_seconds, history.full_peak_gigabytes = full.models_seconds + full.tests_seconds, full.process.gigabytes
    history.by_model = added.models | {"all tests": added.tests_seconds}
    history.seconds, history.peak_gigabytes, history.megabytes = sum(history.by_model.values()), added.process.gigabytes, added.megabytes
    return history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 events a day")
    parser.add_argument("--daily", type=int, help="events a day")
    parser.add_argument("--days", type=int, nargs=2, default=(10, 100), metavar=("SHORT", "LONG"), help="lengths of the two histories")
    options = parser.parse_args()
    daily = options.daily or (20_000 if options.quick else 1_000_000)
    short, long = (measured(days, daily) for days in options.days)
    lengths = "".join(f"{f'{history.days} days':>10}" for history in (short, long))
    print(f"{daily} events a day\n{'seconds of the second night':<32}{lengths}{'ratio':>8}")
    for model in sorted(long.by_model, key=lambda name: short.by_model[name] - long.by_model[name]):
        one, other = short.by_model[model], long.by_model[model]
        print(f"{model:<32}{one:>10.2f}{other:>10.2f}{other / one if one else 0:>8.2f}")
    ratio = long.seconds / short.seconds
    print(f"{'all':<32}{short.seconds:>10.2f}{long.seconds:>10.2f}{ratio:>8.2f}   limit {MOST_RATIO}")
    print(f"{'a full build':<32}{short.full_seconds:>10.2f}{long.full_seconds:>10.2f}")
    print(f"{'peak memory, GB':<32}{short.peak_gigabytes:>10.2f}{long.peak_gigabytes:>10.2f}")
    print(json.dumps({"daily": daily, "ratio": ratio, "histories": [asdict(short), asdict(long)]}))
    sys.exit(0 if ratio <= MOST_RATIO else 1)


if __name__ == "__main__":
    main()
