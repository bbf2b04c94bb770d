"""What a night costs after 10 and after 100 days of the same daily volume: it should follow the new day, not the history.

python -m benchmarks.growth                 # 1,000,000 events a day, 100,000 visitors
python -m benchmarks.growth --quick         # 20,000 events a day, 2,000 visitors
python -m benchmarks.growth --daily 200000  # or another volume

Both lakes are written as Parquet by DuckDB, one file a day, with one event in a hundred up to three days late. The night
before the last is built in full, the last is added to it. Limit: the seconds of all models and tests of that second night
(dbt's start apart) after 100 days are at most 1.5 times those after 10.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb

from ingestion.lake import TABLES
from ingestion.standing import COLUMNS
from settings import PROJECT_ROOT

SHOP_FILE = PROJECT_ROOT / "shops" / "demo.yml"
RUN_DATE = date(2026, 6, 30)
MOST_RATIO = 1.5
ITEMS = 5_000
MEGABYTES = re.compile(r" s, ([\d.]+) MB")


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


def write_lake(lake: Path, days: int, daily: int) -> None:
    """One delivery a day: visits of five events, by a tenth as many visitors as there are events."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for table, columns in TABLES.items():
            folder = lake / table / "landed_date=1970-01-01"
            folder.mkdir(parents=True)
            connection.execute(f"create or replace table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
            connection.execute(f"copy {table} to '{folder / 'schema.parquet'}' (format parquet)")
        connection.execute(f"create table deliveries ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        for number in range(days):
            day = RUN_DATE - timedelta(days=number)
            part = f"lake/events/landed_date={day}/web-{day}.parquet"
            (lake.parent / part).parent.mkdir()
            connection.execute(f"copy ({day_of_events(day, daily)}) to '{lake.parent / part}' (format parquet, compression zstd)")
            counts = (daily, daily, 0, 0, 0, daily)
            values = ["events", "web", f"{day}.jsonl", [part], day, None, *counts, [], []]
            connection.execute(f"insert into deliveries values ({', '.join('?' * len(values))})", values)
        connection.execute(f"copy deliveries to '{lake / 'deliveries.parquet'}' (format parquet)")


def day_of_events(day: date, daily: int) -> str:
    """The query that makes a day's events; hashes stand for chance, so that each run makes the same."""
    return f"""
        select * from events
        union all by name
        select
            'web:{day}-' || number || '#1' as event_id,
            'web' as source,
            case
                when number % 5 = 4 and number % 4 = 0 then 'order_completed'
                when number % 5 = 3 then 'product_added'
                else 'product_viewed'
            end as event_type,
            timestamptz '{day} 00:00:00+00' - to_days(cast(if(number % 500 < 5, number // 500 % 4, 0) as integer))
                + to_seconds(cast(hash(number // 5, '{day}') % 75_000 + number % 5 * 60 as bigint)) as event_at,
            date '{day}' as landed_date,
            cast(md5('visitor' || hash(number // 5, '{day}', 'visitor') % {daily // 10}) as uuid) as visitor_key,
            'item-' || cast(floor({ITEMS} * power(hash(number, '{day}', 'item') % 1_000_000 / 1e6, 2)) as integer) as item_id,
            if(number % 20 = 4, 'order-{day}-' || number, null) as order_id,
            1 as quantity,
            1 + hash(number, 'price') % 90 as price,
            'EUR' as currency,
        from range({daily}) as numbers (number)"""


def build(data: Path, run_date: date) -> tuple[Counter[str], float, float]:
    """Build one night's features; seconds by model, tests as one, the peak memory of the process in GB, and the warehouse in MB.

    Raises:
        SystemExit: it failed; its output is printed.
    """
    command = [sys.executable, "-m", "warehouse", "build", "features", "--shop", str(SHOP_FILE), "--run-date", str(run_date)]
    with tempfile.TemporaryFile("w+") as output:
        environment = os.environ | {"NIGHTCART_DATA": str(data)}
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{text}")
    print(text.strip().splitlines()[-1], file=sys.stderr)
    results = json.loads((data / "demo" / "dbt_target" / "features" / "run_results.json").read_text())["results"]
    seconds: Counter[str] = Counter()
    for result in results:
        kind, _, name = result["unique_id"].split(".")[:3]
        if kind != "unit_test":  # they are of the code, not of the night
            seconds[name if kind == "model" else "all tests"] += result["execution_time"]
    return seconds, usage.ru_maxrss * 1024 / 1e9, float(MEGABYTES.search(text)[1])


def measured(days: int, daily: int) -> History:
    """Build the last night but one in full, and add the last."""
    history = History(days)
    with tempfile.TemporaryDirectory(prefix="nightcart-benchmark-") as folder:
        data = Path(folder)
        write_lake(data / "demo" / "lake", days + 1, daily)
        full, history.full_peak_gigabytes, _ = build(data, RUN_DATE - timedelta(days=1))
        added, history.peak_gigabytes, history.megabytes = build(data, RUN_DATE)
    history.full_seconds, history.seconds, history.by_model = full.total(), added.total(), dict(added)
    return history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 events a day")
    parser.add_argument("--daily", type=int, help="events a day")
    options = parser.parse_args()
    daily = options.daily or (20_000 if options.quick else 1_000_000)
    short, long = (measured(days, daily) for days in (10, 100))
    print(f"{daily} events a day\n{'seconds of the second night':<32}{'10 days':>10}{'100 days':>10}{'ratio':>8}")
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
