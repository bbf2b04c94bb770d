"""A build in another store is the build, whole, and never half of it."""

import csv
import json
import os
import pwd
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
import pytest

import steps
from serving_exports import formulas, postgres
from serving_exports.export import export
from serving_exports.tables import Column

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def has_postgres_user() -> bool:
    return any(user.pw_name == "postgres" for user in pwd.getpwall())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of its own on a socket in a new folder; its address. The server refuses to run as root."""
    if not SERVERS:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    if os.getuid() == 0 and not has_postgres_user():
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    owner = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/pg-XXXXXX"], text=True, **owner).strip())  # a socket's path must be short
    call = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, "timeout": 120, **owner}
    data, control = folder / "data", SERVERS[-1] / "pg_ctl"
    subprocess.run([SERVERS[-1] / "initdb", "-D", data, "-U", "shop", "-A", "trust", "--no-sync"], **call)
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    subprocess.run([control, "-D", data, "-o", options, "-l", folder / "log", "-w", "start"], **call)
    try:
        yield f"postgres://shop@/postgres?host={folder}"
    finally:
        subprocess.run([control, "-D", data, "-m", "immediate", "stop"], **call)
        subprocess.run(["rm", "-r", folder], **call)


@pytest.fixture
def ask(server: str) -> Callable[[str], list[tuple]]:
    from adbc_driver_postgresql import dbapi

    def answer(sql: str) -> list[tuple]:
        with dbapi.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
            return rows

    return answer


@pytest.mark.ui
def test_postgresql_has_the_rows_the_types_and_the_comments(published_shop, server: str, ask: Callable) -> None:
    told = export(published_shop.settings, published_shop.shop, server)
    assert told.startswith("export corner: build 2026-06-30-first to localhost/postgres, schema corner, ")
    with published_shop.current() as connection:
        query = "select cast(user_key as varchar), rank, item_id, score, reason_item_id from {}user_recommendations order by user_key, rank"
        assert ask(query.format("corner.")) == connection.execute(query.format("")).fetchall()
        lists = "select count(*) from {}user_predictions where 'three carts' = any(top_reasons)"
        assert ask(lists.format("corner.")) == connection.execute(lists.format("")).fetchall() == [(30,)]
        money = "select cast(sum(revenue) as text), cast(max(date) as text) from corner.daily_kpis"
        assert ask(money) == connection.execute(money.replace("corner.", "").replace("text", "varchar")).fetchall()
    types = dict(ask("select column_name, data_type from information_schema.columns where table_name = 'user_profiles'"))
    assert (types["user_key"], types["order_amount_365d"], types["favourite_categories"]) == ("uuid", "numeric", "ARRAY")
    assert ask("select obj_description('corner.user_segments'::regclass)") == [("All about user_segments. One row per user_key.",)]
    assert export(published_shop.settings, published_shop.shop, server).endswith("it is there already")


@pytest.mark.ui
def test_a_later_build_replaces_the_rows_and_leaves_views_and_grants(published_shop, server: str, ask: Callable) -> None:
    export(published_shop.settings, published_shop.shop, server)
    ask("create or replace view public.champions as select * from corner.user_segments where segment = 'Champions'")
    published_shop.build_serving(build_id="later")
    published_shop.change("update user_segments set segment = 'Champions'")
    published_shop.change("update user_segment_history set segment = 'Champions' where valid_until is null")
    published_shop.publish()
    export(published_shop.settings, published_shop.shop, server)
    assert ask("select count(*) from public.champions") == [(30,)]
    assert ask("select build_id from corner.run_manifest") == [("later",)]


@pytest.mark.ui
def test_a_table_that_fails_leaves_the_build_before(published_shop, server: str, ask: Callable) -> None:
    export(published_shop.settings, published_shop.shop, server)
    before = ask("select build_id from corner.run_manifest")
    ask("create table if not exists corner.note (user_key uuid references corner.user_segments)")
    ask("insert into corner.note select user_key from corner.user_segments limit 1")
    published_shop.build_serving(build_id="refused-there")
    published_shop.publish()
    with pytest.raises(steps.StepError, match=r"schema corner: .*foreign key"):
        export(published_shop.settings, published_shop.shop, server)
    assert ask("select build_id from corner.run_manifest") == before
    assert ask("select count(*) from corner.daily_kpis") == [(270,)]
    ask("drop table corner.note")


@pytest.mark.ui
def test_a_server_that_is_away_is_an_error_without_the_password(published_shop) -> None:
    with pytest.raises(steps.StepError) as refused:
        export(published_shop.settings, published_shop.shop, "postgres://shop:verysecret@127.0.0.1:1/shop")
    assert "127.0.0.1" in str(refused.value)
    assert "verysecret" not in str(refused.value)


def test_a_type_that_postgresql_does_not_have_is_named() -> None:
    assert postgres.postgres_type("t", Column("c", "DECIMAL(18,2)", True, "")) == "numeric(18,2)"
    assert postgres.postgres_type("t", Column("c", "VARCHAR[]", True, "")) == "text[]"
    with pytest.raises(steps.StepError, match=r"t\.c: PostgreSQL has no type for MAP"):
        postgres.postgres_type("t", Column("c", "MAP(VARCHAR, INTEGER)", True, ""))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_files_have_every_row_under_the_name_of_the_build(published_shop, tmp_path: Path, form: str) -> None:
    told = export(published_shop.settings, published_shop.shop, f"{form}:{tmp_path}/out")
    folder = tmp_path / "out" / "2026-06-30-first"
    assert str(folder) in told
    with (folder / f"user_recommendations.{form}").open() as file:
        rows = list(csv.DictReader(file)) if form == "csv" else [json.loads(line) for line in file]
    with published_shop.current() as connection:
        expected = connection.execute("select cast(user_key as varchar), rank, item_id from user_recommendations").fetchall()
        published = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
    assert [(row["user_key"], int(row["rank"]), row["item_id"]) for row in rows] == expected
    assert sorted(file.name for file in folder.iterdir()) == sorted(f"{name}.{form}" for name in published)
    assert export(published_shop.settings, published_shop.shop, f"{form}:{tmp_path}/out").endswith("it is there already")


def test_an_address_of_no_known_kind_is_refused(published_shop) -> None:
    for address in ("mysql://db", "csv:", "exports"):
        with pytest.raises(steps.StepError, match="is no address"):
            export(published_shop.settings, published_shop.shop, address)


FORMULAS = ["=1+1", "+1", "-1+1", "@sum", "\tx", "\rx"]


def test_a_csv_holds_no_formula_and_json_lines_the_text_as_it_is(published_shop, tmp_path) -> None:
    numbered = " ".join(f"when {place} then '{text}'" for place, text in enumerate(FORMULAS))
    published_shop.build_serving(build_id="hostile")
    published_shop.change(f"update user_profiles set favourite_brand = case rowid % 6 {numbered} end")
    published_shop.publish()
    for form in ("csv", "jsonl"):
        export(published_shop.settings, published_shop.shop, f"{form}:{tmp_path / form}")
    with (tmp_path / "csv" / "hostile" / "user_profiles.csv").open(newline="") as file:
        brands = {row["favourite_brand"] for row in csv.DictReader(file)}
    assert brands == {f"'{text}" for text in FORMULAS}
    lines = (tmp_path / "jsonl" / "hostile" / "user_profiles.jsonl").read_text().splitlines()
    assert {json.loads(line)["favourite_brand"] for line in lines} == set(FORMULAS)


def test_what_the_explorer_hands_out_holds_no_formula() -> None:
    table = pyarrow.table({"brand": [*FORMULAS, "a=b", None], "number": [-1] * 8})
    safe = formulas.neutralized(table)
    assert safe["brand"].to_pylist() == [*(f"'{text}" for text in FORMULAS), "a=b", None]
    assert safe["number"].to_pylist() == [-1] * 8, "a number is none"
