import duckdb
import pytest
from pydantic import ValidationError

from targets import DECLARED, Target


@pytest.mark.parametrize(
    "label",
    [
        "order_amount > 200",
        "not (is_purchaser or active_day_count >= 2) and order_amount / 2 - 1.5 <> -3",
        "favourite_category in ('Home > Garden', 'it''s') and order_count between 1 and 4",
        "order_amount is not null",
        *(target.label for target in DECLARED.values()),
        *(target.population for target in DECLARED.values()),
    ],
)
def test_an_expression_of_columns_is_taken(label):
    assert Target(name="own", horizon_days=7, label=label).label == label


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("(select max(user_id) from landing)", "hold no query"),
        ("is_purchaser or exists (select 1)", "call no function"),
        ("read_text('secrets.env') = ''", "call no function"),
        ("read_text ('secrets.env') = ''", "call no function"),
        ("'it' in (from x)", "hold no query"),
        ("is_purchaser) or (true", "operator is due"),
        ("is_purchaser -- ", "allowed are"),
        ("is_purchaser /* ", "allowed are"),
        ("is_purchaser; drop table x", "allowed are"),
        ("{{ env_var('PATH') }}", "allowed are"),
        ('"order_amount" > 1', "allowed are"),
        ("other.order_amount > 1", "allowed are"),
        ("order_amount::varchar = '1'", "allowed are"),
        ("is_purchaser and", "does not end"),
        ("(is_purchaser", "does not end"),
        ("as_of_date < current_date", "allowed are"),
        ("as_of_date < LOCALTIMESTAMP", "allowed are"),
        ("'open", "allowed are"),
        ("", "does not end"),
    ],
)
def test_what_could_call_read_or_leave_its_place_is_refused(label, why):
    for key in ("label", "population"):
        with pytest.raises(ValidationError, match=why):
            Target(**{"name": "own", "horizon_days": 7, "label": "is_purchaser", key: label})


def test_no_word_calls_a_function_without_brackets():
    with duckdb.connect() as connection:
        words = {word for (word,) in connection.sql("select keyword_name from duckdb_keywords()").fetchall()}
        words |= {word for (word,) in connection.sql("select function_name from duckdb_functions()").fetchall() if word.isidentifier()}
        answered = {word for word in words if _has_a_value(connection, word)}
    assert {"current_date", "current_user", "user"} <= answered
    assert {word for word in answered if _is_taken(word)} == {"null", "true", "false"}


def _has_a_value(connection: duckdb.DuckDBPyConnection, word: str) -> bool:
    try:
        connection.sql(f"select {word}").fetchall()
    except duckdb.Error:
        return False
    return True


def _is_taken(label: str) -> bool:
    try:
        Target(name="own", horizon_days=7, label=label)
    except ValidationError:
        return False
    return True
