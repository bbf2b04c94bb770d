"""One query on the published tables, printed as a table (`make sql Q="…"`).

    python -m serving_exports.query --shop shops/demo.yml "select segment, count(*) from user_segments group by segment"

It reads `serving/current/shop.duckdb` and nothing else: writing, other files and the network are switched off. With
`--marts` it reads the warehouse of the shop's last night instead, which holds the marts too: one question at a time,
since nobody else can write meanwhile.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

import warehouse
from serving_exports import command, published
from serving_exports.text_table import text_table
from settings import Settings
from shop import Shop

EMPTY = "(no rows)"


def query(settings: Settings, shop: Shop, sql: str, width: int | None = None, of_warehouse: bool = False) -> str:
    """The answer to one statement as a text table; times are in UTC.

    Args:
        of_warehouse: ask the warehouse of the last night, not what is published.

    Raises:
        StepError: nothing is published or built, `sql` is not one statement, or DuckDB refused it (its message is repeated).
    """
    with _warehouse(settings, shop) if of_warehouse else published.opened(settings, published.current(settings, shop)) as connection:
        table = published.answer(connection, sql).table
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return "\n".join([text_table(table.column_names, rows, width), EMPTY if not rows else f"({len(rows):,} row{'s' * (len(rows) != 1)})"])


@contextmanager
def _warehouse(settings: Settings, shop: Shop) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.reader(settings, shop, command.last_night(settings, shop)) as connection:
        connection.execute("set timezone = 'UTC'")
        published.lock(connection)
        yield connection


def main() -> None:
    parser = command.arguments(__doc__)
    parser.add_argument("--marts", action="store_true", help="ask the warehouse of the last night, which holds the marts too")
    parser.add_argument("sql", help="one statement, in quotes")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    command.run(parser, lambda settings, shop, options: query(settings, shop, options.sql, width, options.marts))


if __name__ == "__main__":
    main()
