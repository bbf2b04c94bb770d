"""Pages of questions: runs a page's SQL on a shop's last night and writes each answer beneath it.

    python -m serving_exports.questions --shop shops/demo.yml
    python -m serving_exports.questions --shop shops/online_retail.yml --page docs/segments.md

The answers are one shop's, which the page names; its SQL holds for every shop.
"""

import re
from pathlib import Path

import duckdb

import steps
import warehouse
from serving_exports import command
from serving_exports.text_table import text_table
from settings import PROJECT_ROOT, Settings
from shop import Shop

PAGE = PROJECT_ROOT / "docs" / "questions.md"
QUESTION = re.compile(r"```sql\n(?P<sql>.*?)```\n(?:\n```text\n(?P<answer>.*?)```\n)?", re.DOTALL)


def questions(page: str) -> list[tuple[str, str | None]]:
    """The SQL of each question, and the answer that stands beneath it."""
    return [(match["sql"], match["answer"]) for match in QUESTION.finditer(page)]


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The answer to a question as a text table."""
    relation = connection.sql(sql)
    return text_table(relation.columns, relation.fetchall()) + "\n"


def answered(connection: duckdb.DuckDBPyConnection, page: str) -> str:
    """The page with an answer beneath each question, instead of the one that stood there."""
    return QUESTION.sub(lambda match: f"```sql\n{match['sql']}```\n\n```text\n{answer(connection, match['sql'])}```\n", page)


def write(settings: Settings, shop: Shop, page: Path) -> str:
    """Answer the page's questions anew; what became of it, in a line.

    Raises:
        StepError: the shop has no warehouse yet, or DuckDB refused a question (its message is repeated).
    """
    night = command.last_night(settings, shop)
    try:
        with warehouse.reader(settings, shop, night) as connection:
            text = answered(connection, page.read_text())
    except duckdb.Error as error:
        raise steps.StepError(str(error)) from error
    page.write_text(text)
    return f"questions {shop.name} {night}: {len(questions(text))} answers in {page}"


def main() -> None:
    parser = command.arguments(__doc__)
    parser.add_argument("--page", type=Path, default=PAGE, help="the page (default: docs/questions.md)")
    command.run(parser, lambda settings, shop, options: write(settings, shop, options.page))


if __name__ == "__main__":
    main()
