"""One query on the published tables, printed as a table (`make sql Q="…"`).

    python -m serving_exports.query --shop shops/demo.yml "select segment, count(*) from user_segments group by segment"

It reads `serving/current/shop.duckdb` and nothing else: writing, other files and the network are switched off.
"""

import shutil
import sys

import duckdb

import steps
from serving_exports import command
from serving_exports.text_table import text_table
from settings import Settings
from shop import Shop

EMPTY = "(no rows)"


def query(settings: Settings, shop: Shop, sql: str, width: int | None = None) -> str:
    """The answer to one statement as a text table; times are in UTC.

    Raises:
        StepError: nothing is published, `sql` is not one statement, or DuckDB refused it (its message is repeated).
    """
    database = command.current_database(settings, shop)
    config = {"memory_limit": settings.memory_limit, "threads": settings.threads}
    with duckdb.connect(str(database), read_only=True, config=config) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        try:
            if len(statements := connection.extract_statements(sql)) != 1:
                raise steps.StepError(f"one statement is asked for, not {len(statements)}")
            answer = connection.execute(statements[0])
            names, rows = [column[0] for column in answer.description or ()], answer.fetchall()
        except duckdb.Error as error:
            raise steps.StepError(str(error)) from error
    return "\n".join([text_table(names, rows, width), EMPTY if not rows else f"({len(rows):,} row{'s' * (len(rows) != 1)})"])


def main() -> None:
    parser = command.arguments(__doc__)
    parser.add_argument("sql", help="one statement, in quotes")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    command.run(parser, lambda settings, shop, options: query(settings, shop, options.sql, width))


if __name__ == "__main__":
    main()
