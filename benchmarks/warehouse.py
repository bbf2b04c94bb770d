"""What dbt adds to its statements, what memory a full build takes, and the three classic steps beside polars and pandas.

python -m benchmarks.warehouse                   # 50,000,000 events: 100 days
python -m benchmarks.warehouse --quick           # 2,000,000
python -m benchmarks.warehouse --events 5000000  # or so many, over 100 days

The lake is that of benchmarks.generated_lake. `python -m warehouse build features --full` builds it; then the statements that
dbt compiled run straight in DuckDB, in the same order, with the same threads and memory limit, into a file of their own; both
files must hold as many rows in each table. Limits: of 50,000,000 events the seconds of all models as dbt counts them are at
most 1.5 times those of the statements (with few, what dbt takes for each model however small weighs more); and of any
number neither process holds more memory (resident, at its peak) than `NIGHTCART_MEMORY_LIMIT`, of which DuckDB gets its share.

Sessions, recency-frequency-money and item pairs run in DuckDB, polars and pandas, each in a process of its own, over the same
rows: of all visitors up to 10,000,000 events, else of a part of them, and in DuckDB over all rows too. All must answer alike,
and as the built tables say. polars is in requirements-benchmarks.txt.
"""

import argparse
import importlib.util
import json
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import shop as shops
import warehouse
from benchmarks import classic_steps
from benchmarks.classic_steps import StepRun
from benchmarks.features_build import SHOP_FILE, Build, build, target_folder
from benchmarks.generated_lake import RUN_DATE, write_lake
from benchmarks.processes import Run, measured
from settings import Settings
from shop import Shop

EVENTS, QUICK_EVENTS, DAYS = 50_000_000, 2_000_000, 100
MOST_RATIO = 1.5


@dataclass(frozen=True)
class Pair:
    """A full build and the same statements straight in DuckDB, over one lake."""

    build: Build
    straight: Run
    statements: dict[str, float]  # seconds of each model's

    @property
    def statements_seconds(self) -> float:
        return sum(self.statements.values())

    @property
    def ratio(self) -> float:
        return self.build.models_seconds / self.statements_seconds


@dataclass(frozen=True)
class Figures:
    """What one run found."""

    events: int
    threads: int
    memory_limit: float  # of each process, in GB
    large: Pair
    steps: list[StepRun]
    disagreements: list[str]

    @property
    def is_within_limits(self) -> bool:
        is_small = max(self.large.build.process.gigabytes, self.large.straight.gigabytes) <= self.memory_limit
        return is_small and not self.disagreements and (self.events < EVENTS or self.large.ratio <= MOST_RATIO)


def pair(data: Path, days: int, daily: int) -> Pair:
    """Generate a lake, build it, and run its statements straight.

    Raises:
        SystemExit: a process failed, or the two files hold other numbers of rows.
    """
    write_lake(data / "demo" / "lake", days, daily)
    built = build(data, RUN_DATE, "--full")
    settings, shop = settings_of(data), shops.read(SHOP_FILE)
    file = data / "straight" / warehouse.path(settings, shop, RUN_DATE).name
    file.parent.mkdir()
    process, text = measured("benchmarks.baselines.compiled_statements", target_folder(data), file)
    if others := tables_that_differ(settings, shop, file):
        sys.exit(f"rows in the built warehouse and in the straight one: {others}")
    shutil.rmtree(file.parent)
    return Pair(built, process, json.loads(text.strip().splitlines()[-1]))


def tables_that_differ(settings: Settings, shop: Shop, file: Path) -> dict[str, tuple[int, int]]:
    """The tables of the built warehouse whose number of rows is another in `file`, with both numbers."""
    with warehouse.reader(settings, shop, RUN_DATE) as connection:
        connection.execute(f"attach '{file}' as straight (read_only)")
        tables = connection.execute("select table_name from duckdb_tables() where database_name = 'warehouse'").fetchall()
        count = "select (select count(*) from warehouse.{0}), (select count(*) from straight.{0})"
        counts = {table: connection.execute(count.format(table)).fetchone() for (table,) in tables}
    return {table: both for table, both in counts.items() if both[0] != both[1]}


def settings_of(data: Path) -> Settings:
    return replace(Settings.from_environment(), data=data)


def print_build(figures: Figures) -> None:
    large = figures.large
    print(f"{'seconds':<32}{'build':>10}{'DuckDB':>10}{'ratio':>8}")
    for model, seconds in sorted(large.build.models.items(), key=lambda item: -item[1]):
        other = large.statements[model]
        print(f"{model:<32}{seconds:>10.2f}{other:>10.2f}{seconds / other:>8.2f}")
    print(f"{'all models':<32}{large.build.models_seconds:>10.2f}{large.statements_seconds:>10.2f}{large.ratio:>8.2f}   limit {MOST_RATIO}")
    print(f"{'tests of all rows':<32}{large.build.tests_seconds:>10.2f}")
    print(f"{'start, and all else':<32}{large.build.start_seconds:>10.2f}{large.straight.seconds - large.statements_seconds:>10.2f}")
    ratio = large.build.process.seconds / large.straight.seconds
    print(f"{'the whole process':<32}{large.build.process.seconds:>10.2f}{large.straight.seconds:>10.2f}{ratio:>8.2f}")
    processor = large.build.process.processor_seconds, large.straight.processor_seconds
    print(f"{'its processor seconds':<32}{processor[0]:>10.2f}{processor[1]:>10.2f}{processor[0] / processor[1]:>8.2f}")
    peaks = f"{large.build.process.gigabytes:>10.2f}{large.straight.gigabytes:>10.2f}"
    print(f"{'peak memory, GB':<32}{peaks}{'':>8}   limit {figures.memory_limit:.2f}")


def print_steps(runs: list[StepRun]) -> None:
    print(f"\n{'step':<12}{'events':>12}" + "".join(f"{library:>20}" for library in classic_steps.LIBRARIES))
    for step, events in dict.fromkeys((run.step, run.events) for run in runs):
        found = {run.library: f"{run.seconds:.2f} s, {run.gigabytes:.2f} GB" for run in runs if (run.step, run.events) == (step, events)}
        print(f"{step:<12}{events:>12,}" + "".join(f"{found.get(library, ''):>20}" for library in classic_steps.LIBRARIES))


def compared(events: int) -> Figures:
    """Measure it all in a folder that is thrown away."""
    daily = events // DAYS
    memory_limit = Settings.from_environment().memory_bytes / 1e9
    with tempfile.TemporaryDirectory(prefix="nightcart-benchmark-") as folder:
        data = Path(folder) / "large"
        large = pair(data, DAYS, daily)
        settings, shop = settings_of(data), shops.read(SHOP_FILE)
        lake = settings.paths(shop.name).lake
        steps = list(classic_steps.compared(lake, daily * DAYS, settings, shop))
        wrong = classic_steps.disagreements(steps)
        wrong += classic_steps.disagreements_with_the_tables(steps, lake, settings, shop, RUN_DATE)
    return Figures(daily * DAYS, settings.threads, memory_limit, large, steps, wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_EVENTS:,} events")
    parser.add_argument("--events", type=int, help=f"so many, {DAYS * 10:,} at least")
    options = parser.parse_args()
    if importlib.util.find_spec("polars") is None:
        sys.exit("polars is missing: pip install -r requirements-benchmarks.txt")
    figures = compared(options.events or (QUICK_EVENTS if options.quick else EVENTS))
    print(f"{figures.events:,} events of {DAYS} days, {figures.threads} threads, memory limit {figures.memory_limit:.2f} GB\n")
    print_build(figures)
    print_steps(figures.steps)
    print(*figures.disagreements, sep="\n")
    print(json.dumps(asdict(figures) | {"ratio": figures.large.ratio}))
    sys.exit(0 if figures.is_within_limits else 1)


if __name__ == "__main__":
    main()
