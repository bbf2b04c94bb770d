"""Landing a large CSV with all checks on, beside a bare DuckDB COPY of the same file and, once, pandas with the same checks.

python -m benchmarks.landing                # 10 million rows
python -m benchmarks.landing --quick        # half a million, with pandas, which takes over eight minutes for ten million

Two files are landed: one whose events have no id, so that each is told by its content, with times in UTC, the shop's zone; and
one with ids, quoted texts and times of Berlin, which take a quarter of a microsecond each. One row in 200 is faulty.
The bare statement is `copy (select * from read_csv(file)) to file (format parquet, compression zstd)`, with
DuckDB's own guess of the types; both sides get the same threads, turn about, and the ratio is the median of the pairs. Limits,
of 10 million rows: at most 3 times the bare COPY, and less than 3 GB of memory (resident, at its peak). A small file, in
which starting Python weighs more, has no limits.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import duckdb
import yaml

from benchmarks.processes import Run, measured, measured_command

ROWS, QUICK_ROWS, PAIRS = 10_000_000, 500_000, 3
MOST_TIMES_BARE, MOST_GIGABYTES = 3.0, 3.0
FORMS = ("without_ids", "with_ids")
BARE = """
import duckdb, os
with duckdb.connect(config={{"threads": len(os.sched_getaffinity(0))}}) as connection:
    connection.execute("copy (select * from read_csv('{csv}')) to '{parquet}' (format parquet, compression zstd)")
"""
TITLE = """, '"Shoe ' || hash(i, 2) % 50000 || ', size ""' || hash(i, 2) % 40 || '"" "' as title"""


@dataclass(frozen=True)
class Figures:
    """Of one form of file. Ratios are those of seconds to the bare COPY's."""

    form: str
    rows: int
    bare: Run
    landing: Run
    ratio: float
    pandas: Run | None

    @property
    def is_within_limits(self) -> bool:
        return self.rows < ROWS or (self.ratio <= MOST_TIMES_BARE and self.landing.gigabytes < MOST_GIGABYTES)


def make_csv(path: Path, rows: int, form: str) -> None:
    """Write one day of a shop with 50,000 items and 1 million users, seven events to a session; one row in 200 is faulty."""
    ids = "'e' || i as event_id, " if form == "with_ids" else ""
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                select
                    {ids}strftime(timestamp '2026-01-01' + to_microseconds((i * 86400000000 // {rows})::bigint), '%Y-%m-%d %H:%M:%S')
                        as event_time,
                    case when hash(i, 1) % 100 < 90 then 'view' when hash(i, 1) % 100 < 96 then 'cart' else 'purchase' end as event_type,
                    case when i % 400 <> 7 then 1000000 + hash(i, 2) % 50000 end as product_id,
                    2053013555631882655 + hash(hash(i, 2) % 50000) % 300 as category_id,
                    ['electronics.smartphone', 'appliances.washer', 'computers.notebook', null][1 + (hash(hash(i, 2) % 50000) % 4)::int]
                        as category_code,
                    ['samsung', 'apple', 'xiaomi', null, 'lg'][1 + (hash(hash(i, 2) % 50000, 3) % 5)::int] as brand,
                    case when i % 400 <> 3 then round((hash(hash(i, 2) % 50000, 4) % 100000) / 100.0, 2) else -1 end as price,
                    500000000 + hash(i // 7, 5) % 1000000 as user_id,
                    md5((i // 7)::varchar)::uuid as user_session
                    {TITLE if form == "with_ids" else ""}
                from range({rows}) as numbers (i)
            ) to '{path}' (header, quote '')""")


def zone(form: str) -> str:
    return "Europe/Berlin" if form == "with_ids" else "UTC"


def shop_file(folder: Path, form: str) -> Path:
    columns = {"user_id": "user_id", "session_id": "user_session", "event_at": "event_time", "item_id": "product_id", "price": "price"}
    source = {
        "name": "events",
        "format": "csv",
        "files": "{date}.csv",
        "event_type": {"from": "event_type", "map": {"view": "product_viewed", "cart": "product_added", "purchase": "order_completed"}},
        "columns": columns | ({"event_id": "event_id"} if form == "with_ids" else {}),
    }
    shop = {"name": "bench", "title": "Benchmark", "timezone": zone(form), "currency": "EUR", "sources": [source]}
    path = folder / "bench.yml"
    path.write_text(yaml.safe_dump(shop | {"landing": str(folder / "landing")}))
    return path


def land(folder: Path, rows: int, form: str) -> Run:
    """Land the file into an empty lake, and see that every record is accounted for."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    environment = {"NIGHTCART_DATA": str(data), "NIGHTCART_HMAC_KEY": "00" * 32}
    arguments = ("--shop", shop_file(folder, form), "--run-date", "2026-01-01")
    run, output = measured("ingestion.land", *arguments, environment=environment)
    counts = re.search(r"read (\d+) = landed (\d+) \+ quarantined (\d+)", output)
    if not counts or tuple(map(int, counts.groups())) != (rows, rows - rows // 200, rows // 200):
        sys.exit(f"not all of the {rows} records are accounted for: {output}")
    return run


def typical(runs: list[Run]) -> Run:
    """The medians of the seconds, and the most memory."""
    seconds, processor_seconds = (median(getattr(run, name) for run in runs) for name in ("seconds", "processor_seconds"))
    return Run(seconds, processor_seconds, max(run.gigabytes for run in runs))


def figures(folder: Path, rows: int, form: str, with_pandas: bool) -> Figures:
    csv = folder / "landing" / "2026-01-01.csv"
    csv.parent.mkdir(exist_ok=True)
    make_csv(csv, rows, form)
    bare = [sys.executable, "-c", BARE.format(csv=csv, parquet=folder / "bare.parquet")]
    pairs = [(measured_command(bare)[0], land(folder, rows, form)) for _ in range(PAIRS)]
    pandas = None
    if with_pandas:
        pandas, output = measured("benchmarks.baselines.landing_pandas", csv, folder / "pandas", zone(form))
        if int(output) != rows - rows // 200:
            sys.exit(f"pandas landed {output} records")
    return Figures(
        form,
        rows,
        bare=typical([run for run, _ in pairs]),
        landing=typical([run for _, run in pairs]),
        ratio=round(median(landing.seconds / bare.seconds for bare, landing in pairs), 2),
        pandas=pandas,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="half a million rows, with pandas and without limits")
    is_quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="nightcart-benchmark-") as folder:
        found = [figures(Path(folder), QUICK_ROWS if is_quick else ROWS, form, with_pandas=is_quick and form == FORMS[0]) for form in FORMS]
    print(f"{'':<14}{'rows':>12}{'bare COPY':>20}{'landing':>20}{'ratio':>8}{'pandas':>20}")
    for row in found:
        runs = (f"{run.seconds:.1f} s, {run.gigabytes:.2f} GB" if run else "" for run in (row.bare, row.landing, row.pandas))
        bare, landing, pandas = runs
        print(f"{row.form:<14}{row.rows:>12,}{bare:>20}{landing:>20}{row.ratio:>8.2f}{pandas:>20}")
    print(json.dumps([asdict(row) for row in found]))
    sys.exit(0 if all(row.is_within_limits for row in found) else 1)


if __name__ == "__main__":
    main()
