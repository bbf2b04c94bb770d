"""One person's recommendations over a held connection, as a shop's web server asks for them: the class of
docs/examples/recommendations_server.py over a published table of generated people.

    python -m benchmarks.lookup            # 500,000 people with 10 places each
    python -m benchmarks.lookup --quick    # 20,000 people

Limit: the median answer takes under 2 ms. Exits with 1 when it does not, or when a list is wrong.
"""

import argparse
import importlib.util
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from uuid import UUID

import duckdb

from serving_exports import tables
from settings import PROJECT_ROOT, Settings
from warehouse import ServingTable

EXAMPLE = PROJECT_ROOT / "docs" / "examples" / "recommendations_server.py"
PEOPLE, PLACES, QUESTIONS = 500_000, 10, 2_000
LIMIT_MS = 2.0
ROWS = """
create table warehouse.user_recommendations as
select
    cast(md5('user' || person) as uuid) as user_key, cast(place + 1 as integer) as rank,
    printf('%05d', (person * 7 + place * 13) % 50000) as item_id, round(1.0 / (place + 1), 6) as score, 'because_viewed' as reason,
    printf('%05d', person % 50000) as reason_item_id, 0 as fallback_level, md5(person || 'r' || place) as recommendation_id,
    'treated' as treatment, 'spectral' as model_name, '1' as model_version, date '2026-06-30' as run_date
from range($people) as people(person), range($places) as places(place)
"""


def publish(folder: Path, people: int) -> None:
    """A build of one table under `folder`/current, written as a night writes it."""
    build = folder / "builds" / "generated"
    build.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute(ROWS, {"people": people, "places": PLACES})
        tables.write(connection, Settings.from_environment({}), [ServingTable("user_recommendations", ("user_key", "rank"), "")], build)
    (folder / "current").symlink_to(build)


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recommendations_server", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(of: Callable[[UUID], list[str]], people: list[tuple[int, UUID]]) -> tuple[list[float], int]:
    """Milliseconds of each answer, and how many lists were wrong."""
    milliseconds, wrong = [], 0
    for person, key in people:
        began = time.perf_counter()
        items = of(key)
        milliseconds.append(1000 * (time.perf_counter() - began))
        wrong += items != [f"{(person * 7 + place * 13) % 50000:05d}" for place in range(PLACES)]
    return milliseconds, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    people = 20_000 if parser.parse_args().quick else PEOPLE
    with tempfile.TemporaryDirectory() as folder:
        publish(Path(folder), people)
        size = (Path(folder) / "current" / tables.DATABASE).stat().st_size
        with duckdb.connect() as connection:
            asked = random.Random(20260630).sample(range(people), QUESTIONS)
            values = ", ".join(f"({person})" for person in asked)
            keys = connection.execute(f"select person, cast(md5('user' || person) as uuid) from (values {values}) as t(person)").fetchall()
        recommendations = example().Recommendations(Path(folder))
        milliseconds, wrong = ask(recommendations.of, keys)
    median, slow = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=100)[98]
    print(f"{people:,} people, {size / 1e6:.0f} MB, {QUESTIONS:,} questions")
    print(f"median {median:.2f} ms, 99 of 100 under {slow:.2f} ms, {wrong} wrong lists")
    print(json.dumps({"people": people, "bytes": size, "median_ms": median, "p99_ms": slow, "wrong": wrong, "limit_ms": LIMIT_MS}))
    sys.exit(0 if median < LIMIT_MS and not wrong else 1)


if __name__ == "__main__":
    main()
