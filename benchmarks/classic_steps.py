"""Sessions, recency-frequency-money and item pairs in DuckDB, polars and pandas, each in a process of its own over the same rows.

`python -m benchmarks.warehouse` runs them over the lake that it has built.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import duckdb

import warehouse
from benchmarks.baselines.steps_command import rounded
from benchmarks.baselines.steps_duckdb import named_row, support, windows_over
from benchmarks.processes import measured
from settings import Settings
from shop import Shop

STEPS = ("sessions", "rfm", "pairs")
LIBRARIES = ("duckdb", "polars", "pandas")
MOST_EVENTS = 10_000_000  # of what all libraries are given; pandas holds every text as an object
BUILT = {  # the steps' answers as the project's tables give them
    "sessions": """
        select
            count(*) as sessions,
            sum(event_count * event_count) as squared_events,
            sum(duration_seconds) as seconds,
            count(*) filter (where is_converted) as converted,
        from fct_sessions""",
    "rfm": windows_over("""
        select
            visitor_key as visitor,
            date '{run_date}' - event_date as days_ago,
            order_count as orders,
            cast(order_amount as double) as amount,
            view_count as views,
        from fct_user_days"""),
}
# feat_item_pairs keeps the best of an item's pairs only: each that it has is looked up
BUILT_PAIRS = """
    select count(*), count(*) filter (where counted.support is distinct from built.support)
    from feat_item_pairs as built
    left join ({support}) as counted
        on
            least(built.item_id, built.other_item_id) = counted.item_id
            and greatest(built.item_id, built.other_item_id) = counted.other_item_id
    where built.relation = 'bought_together' and built.as_of_date = date '{run_date}'"""


@dataclass(frozen=True)
class StepRun:
    """One step in one library: seconds from opening the file to the answer; of the whole process, processor seconds and peak GB."""

    step: str
    library: str
    events: int
    seconds: float
    processor_seconds: float
    gigabytes: float
    answer: dict[str, float]


def compared(lake: Path, events: int, settings: Settings, shop: Shop) -> Iterator[StepRun]:
    """Run each step over all events in DuckDB, and over what all libraries can hold in each of them."""
    parts = -(-events // MOST_EVENTS)
    all_rows, some_rows = lake.parent / "all_rows.parquet", lake.parent / "some_rows.parquet"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # see processes.measured: the caller stays small
        some = pool.submit(write_rows, lake, some_rows, parts, settings).result()
        if parts > 1:
            pool.submit(write_rows, lake, all_rows, 1, settings).result()
    for step in STEPS:
        if parts > 1:
            yield _run(step, "duckdb", all_rows, events, settings, shop)
        for library in LIBRARIES:
            yield _run(step, library, some_rows, some, settings, shop)


def write_rows(lake: Path, file: Path, parts: int, settings: Settings) -> int:
    """Write what the steps read of one in `parts` visitors, in the order of the lake; how many events that is."""
    with duckdb.connect(config={"memory_limit": settings.duckdb_memory, "threads": settings.threads}) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(f"""
            copy (
                select
                    cast(visitor_key as varchar) as visitor, event_at, event_type, item_id, order_id,
                    cast(quantity * price as double) as amount,
                from read_parquet('{lake}/events/*/*.parquet')
                where hash(visitor_key) % {parts} = 0
            ) to '{file}' (format parquet, compression zstd)""").fetchone()[0]


def _run(step: str, library: str, rows: Path, events: int, settings: Settings, shop: Shop) -> StepRun:
    threads = {"POLARS_MAX_THREADS": str(settings.threads)}  # DuckDB has them from the settings; pandas has one
    process, text = measured(f"benchmarks.baselines.steps_{library}", step, rows, shop.timezone, environment=threads)
    found = json.loads(text.strip().splitlines()[-1])
    return StepRun(step, library, events, round(found["seconds"], 2), process.processor_seconds, process.gigabytes, found["answer"])


def disagreements(runs: list[StepRun]) -> list[str]:
    """Where a library answers otherwise than DuckDB over the same rows."""
    right = {(run.step, run.events): run.answer for run in runs if run.library == "duckdb"}
    return [
        f"{run.step} over {run.events} events: {run.library} {run.answer}, duckdb {right[run.step, run.events]}"
        for run in runs
        if run.answer != right[run.step, run.events]
    ]


def disagreements_with_the_tables(runs: list[StepRun], lake: Path, settings: Settings, shop: Shop, run_date: date) -> list[str]:
    """Where DuckDB's answer over all rows is not what the built tables hold."""
    events = max(run.events for run in runs)
    answers = {run.step: run.answer for run in runs if run.library == "duckdb" and run.events == events}
    rows = next(file for file in (lake.parent / "all_rows.parquet", lake.parent / "some_rows.parquet") if file.exists())
    with warehouse.reader(settings, shop, run_date) as connection:
        built = {step: rounded(named_row(connection, query.format(run_date=run_date))) for step, query in BUILT.items()}
        pairs, other_pairs = connection.execute(BUILT_PAIRS.format(run_date=run_date, support=support(rows))).fetchone()
    wrong = [f"{step}: duckdb {answers[step]}, the tables {answer}" for step, answer in built.items() if answer != answers[step]]
    if other_pairs or bool(pairs) != bool(answers["pairs"]["pairs"]):
        wrong.append(f"pairs: of the {pairs} in feat_item_pairs {other_pairs} have another support")
    return wrong
