"""What a flood costs the warehouse: the demo shop's features, with and without 1,000,000 events by one user.

python -m benchmarks.flood                 # three rounds, the best of each, since neighbours only add
python -m benchmarks.flood --quick         # two rounds

Three lakes, built in turn in the same run, each by `python -m warehouse build features` of its own: the demo shop's; the same
with a million product views by one user on one day; the same with a million views, carts and searches by one user, spread
over 100 days. The views go round all items. Limits: a flood adds at most a fifth to the seconds of all statements (dbt's
start apart) and a tenth to the peak memory of the process; and the warehouse must have flagged the user.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import duckdb

import shop as shops
import warehouse
from benchmarks.processes import Run, measured
from settings import PROJECT_ROOT, Settings

SHOP_FILE = PROJECT_ROOT / "shops" / "demo.yml"
RUN_DATE = date(2026, 6, 30)
EVENTS = 1_000_000
MOST_SECONDS_RATIO = 1.2
MOST_MEMORY_RATIO = 1.1
BOT = "00000000-0000-0000-0000-0000000000b0"
SECONDS = re.compile(r" warnings, ([\d.]+) s,")


@dataclass
class Lake:
    """One of the lakes compared; `days` is over how many the flood is spread, 0 for none."""

    name: str
    days: int
    seconds: list[float] = field(default_factory=list)  # of all statements, by round
    processor_seconds: list[float] = field(default_factory=list)  # of the whole process, which neighbours disturb less
    peak_gigabytes: list[float] = field(default_factory=list)

    @property
    def best(self) -> tuple[float, float, float]:
        """Seconds of all statements, processor seconds of the process, its peak memory in GB."""
        return min(self.seconds), min(self.processor_seconds), min(self.peak_gigabytes)

    def ratios_to(self, plain: "Lake") -> tuple[float, float, float]:
        return tuple(own / other for own, other in zip(self.best, plain.best, strict=True))

    def is_within_limits_of(self, plain: "Lake") -> bool:
        seconds, _, gigabytes = self.ratios_to(plain)
        return seconds <= MOST_SECONDS_RATIO and gigabytes <= MOST_MEMORY_RATIO


def environment(data: Path) -> dict[str, str]:
    return {"NIGHTCART_DATA": str(data), "NIGHTCART_HMAC_KEY": "00" * 32}


def run(data: Path, module: str, *arguments: str) -> tuple[str, Run]:
    """Run one step; its summary line, and what its process took.

    Raises:
        SystemExit: it failed; its output is printed.
    """
    process, text = measured(module, *arguments, "--shop", SHOP_FILE, environment=environment(data))
    return text.strip().splitlines()[-1], process


def add_flood(lake: Path, days: int) -> None:
    """Write one more delivery: EVENTS events by one user, in turn over the catalogue's items, on the last `days` days."""
    part = f"lake/events/landed_date={RUN_DATE}/web-flood.parquet"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"create table items as select distinct item_id from read_parquet('{lake}/items/*/*.parquet') order by 1")
        connection.execute(f"""
            copy (
                select * from read_parquet('{lake}/events/*/schema.parquet', hive_partitioning = false)
                union all by name
                select
                    'web:flood-' || number || '#1' as event_id,
                    'web' as source,
                    ['product_viewed', 'product_added', 'product_searched'][1 + if({days} = 1, 0, number % 3)] as event_type,
                    timestamptz '{RUN_DATE} 06:00:00+00' - to_days(cast(number % {days} as integer))
                        + to_milliseconds(number * 50_000 // {EVENTS} * 1000) as event_at,
                    date '{RUN_DATE}' as landed_date,
                    cast('{BOT}' as uuid) as visitor_key,
                    items.item_id,
                from range({EVENTS}) as numbers (number)
                inner join items on numbers.number % (select count(*) from items) = items.rowid
            ) to '{lake.parent / part}' (format parquet, compression zstd)""")
        deliveries = lake / "deliveries.parquet"
        connection.execute(f"""
            create table deliveries as
            select * from read_parquet('{deliveries}')
            union all by name
            select
                'events' as kind, 'web' as source, 'events/flood.jsonl' as file, ['{part}'] as parts, date '{RUN_DATE}' as landed_date,
                {EVENTS} as read_count, {EVENTS} as landed_count, 0 as quarantined_count, 0 as duplicate_count, 0 as skipped_count,
                {EVENTS} as event_line_count""")
        connection.execute(f"copy deliveries to '{deliveries}' (format parquet)")


def build(data: Path, lake: Lake) -> None:
    """Build the lake's features once, and note what it took.

    Raises:
        SystemExit: it failed, or the flood's user is not flagged.
    """
    summary, process = run(data, "warehouse", "build", "features", "--run-date", str(RUN_DATE))
    lake.seconds.append(float(SECONDS.search(summary)[1]))
    lake.processor_seconds.append(process.processor_seconds)
    lake.peak_gigabytes.append(process.gigabytes)
    print(f"{lake.name}: {lake.seconds[-1]:.1f} s, {process.gigabytes:.2f} GB", file=sys.stderr)
    settings = Settings.from_environment(os.environ | environment(data))
    with warehouse.reader(settings, shops.read(SHOP_FILE), RUN_DATE) as connection:
        flagged = connection.execute("select count(*) from int_visitors where is_bot and visitor_key = ?", [BOT]).fetchone()[0]
    if flagged != (lake.days > 0):
        sys.exit(f"{lake.name}: the flood's user is {'not ' * (not flagged)}flagged")


def compared(rounds: int) -> list[Lake]:
    """Make the lakes, and build each of them in turn, `rounds` times."""
    lakes = [Lake("no flood", 0), Lake("a flood on one day", 1), Lake("a flood over 100 days", 100)]
    with tempfile.TemporaryDirectory(prefix="nightcart-benchmark-") as folder:
        folders = [Path(folder) / str(lake.days) for lake in lakes]
        run(folders[0], "ingestion.demo_shop")
        run(folders[0], "ingestion.land", "--run-date", str(RUN_DATE))
        for data, lake in zip(folders[1:], lakes[1:], strict=True):
            shutil.copytree(folders[0] / "demo" / "lake", data / "demo" / "lake")
            add_flood(data / "demo" / "lake", lake.days)
        for _ in range(rounds):
            for data, lake in zip(folders, lakes, strict=True):
                build(data, lake)
    return lakes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two rounds")
    plain, *flooded = compared(rounds=2 if parser.parse_args().quick else 3)
    print(f"{'':<24}{'seconds':>9}{'ratio':>7}{'CPU s':>9}{'ratio':>7}{'peak GB':>9}{'ratio':>7}")
    for lake in (plain, *flooded):
        pairs = zip(lake.best, lake.ratios_to(plain), strict=True)
        print(f"{lake.name:<24}" + "".join(f"{figure:>9.2f}{ratio:>7.2f}" for figure, ratio in pairs))
    print(f"limits: {MOST_SECONDS_RATIO} of the seconds, {MOST_MEMORY_RATIO} of the memory")
    print(json.dumps([asdict(lake) for lake in (plain, *flooded)]))
    sys.exit(0 if all(lake.is_within_limits_of(plain) for lake in flooded) else 1)


if __name__ == "__main__":
    main()
