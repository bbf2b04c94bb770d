"""Two nights of the same tables have the same content hash, whatever the files look like; one changed cell has another."""

import duckdb
import pytest

from serving_exports.tables import Column, columns, content_hash


@pytest.fixture
def pairs():
    """Makes a table `serving.pairs (a, b)` of the given type and rows and returns its hash."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as serving")

    def hash_of(rows: str, type_of_b: str = "varchar") -> str:
        connection.execute(f"create or replace table serving.pairs (a integer, b {type_of_b})")
        connection.execute(f"insert into serving.pairs values {rows}")
        return content_hash(connection, "serving.pairs", "pairs", columns(connection, "serving", "pairs"))

    return hash_of


def test_the_order_of_rows_does_not_count(pairs):
    assert pairs("(1, 'x'), (2, 'y')") == pairs("(2, 'y'), (1, 'x')")


@pytest.mark.parametrize(
    "other",
    [
        "(1, 'x'), (2, 'z')",  # a changed cell
        "(1, 'y'), (2, 'x')",  # the same values in other rows
        "(1, 'x')",
        "(1, 'x'), (2, 'y'), (2, 'y')",  # a row twice
        "(1, 'x'), (2, 'y'), (3, null), (3, null)",
        "(1, 'x'), (2, null)",
        "(1, 'x'), (2, '')",
    ],
)
def test_any_other_content_has_another_hash(pairs, other):
    assert pairs("(1, 'x'), (2, 'y')") != pairs(other)


def test_a_missing_text_is_not_the_word_null(pairs):
    assert pairs("(1, null)") != pairs("(1, 'null')")


def test_a_changed_type_has_another_hash(pairs):
    assert pairs("(1, 2)", "integer") != pairs("(1, 2)", "bigint")


def test_an_empty_table_has_a_hash(pairs):
    assert len(pairs("(1, 'x') limit 0")) == 64


def test_the_builds_name_and_times_do_not_count():
    connection = duckdb.connect()
    connection.execute("create table one as select 'a' as build_id, now() as built_at, 7 as rows")
    connection.execute("create table two as select 'b' as build_id, now() + interval 1 day as built_at, 7 as rows")
    of = [
        Column("build_id", "VARCHAR", True, ""),
        Column("built_at", "TIMESTAMP WITH TIME ZONE", True, ""),
        Column("rows", "INTEGER", True, ""),
    ]
    assert content_hash(connection, "one", "run_manifest", of) == content_hash(connection, "two", "run_manifest", of)
    assert content_hash(connection, "one", "user_profiles", of) != content_hash(connection, "two", "user_profiles", of)


def test_two_builds_of_the_same_tables_differ_in_name_only(published_shop):
    published_shop.build_serving(build_id="again")
    published_shop.publish()
    assert published_shop.hashes("again") == published_shop.hashes("2026-06-30-first")


def test_a_build_with_one_changed_cell_differs_in_that_table_only(published_shop):
    published_shop.build_serving(build_id="changed")
    published_shop.change("update user_recommendations set score = score + 0.000001 where rank = 10 and item_id = '0003'")
    published_shop.publish()
    before, after = published_shop.hashes("2026-06-30-first"), published_shop.hashes("changed")
    assert {name for name in before if before[name] != after[name]} == {"user_recommendations"}
