"""What a published night looks like to the people who read it, and to the one who runs it."""

import hashlib
import json
from datetime import date

import duckdb
import pytest

import steps
import warehouse
from serving_exports import flips

NIGHT = date(2026, 6, 30)
NEXT_NIGHT = date(2026, 7, 1)
TABLES = {
    "audience_members", "audiences", "daily_kpis", "item_recommendations", "newcomer_recommendations", "run_manifest",
    "segment_migrations", "user_predictions", "user_profiles", "user_recommendations", "user_segment_history", "user_segments",
}  # fmt: skip


def test_plain_duckdb_reads_all_tables_with_their_rows_and_types(published_shop):
    with published_shop.current() as connection:
        assert {row[0] for row in connection.execute("show tables").fetchall()} == TABLES
        # 29 eligible people with 10 places each; 20 items, 2 relations, 3 places; 270 days
        counts = {name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in TABLES}
        assert counts == {
            "audience_members": 10, "audiences": 1, "segment_migrations": 6, "user_segment_history": 60,
            "daily_kpis": 270, "item_recommendations": 120, "newcomer_recommendations": 20, "run_manifest": 1, "user_predictions": 30,
            "user_profiles": 30, "user_recommendations": 290, "user_segments": 30,
        }  # fmt: skip
        types = dict(connection.execute("select column_name, column_type from (describe user_profiles)").fetchall())
    assert types == {
        "user_key": "UUID", "view_count_30d": "BIGINT", "order_amount_365d": "DECIMAL(18,2)", "favourite_categories": "VARCHAR[]",
        "favourite_brand": "VARCHAR", "usual_hour": "BIGINT", "first_seen_at": "TIMESTAMP WITH TIME ZONE", "run_date": "DATE",
    }  # fmt: skip


def test_published_rows_are_the_warehouses_in_the_order_of_the_key(published_shop):
    query = "select * from {} order by user_key, rank"
    with warehouse.reader(published_shop.settings, published_shop.shop, NIGHT) as connection:
        expected = connection.execute(query.format("user_recommendations")).fetchall()
    with published_shop.current() as connection:
        assert connection.execute("select * from user_recommendations").fetchall() == expected
        file = published_shop.builds.link / "user_recommendations.parquet"
        assert connection.execute(f"select * from '{file}'").fetchall() == expected


def test_required_columns_and_descriptions_travel_with_the_tables(published_shop):
    with published_shop.current() as connection:
        required = connection.execute(
            "select column_name from duckdb_columns() where table_name = 'user_recommendations' and not is_nullable order by column_index"
        ).fetchall()
        comment = connection.execute("select comment from duckdb_columns() where column_name = 'revenue'").fetchone()[0]
        description = connection.execute("select comment from duckdb_tables() where table_name = 'user_segments'").fetchone()[0]
    assert [name for (name,) in required] == ["user_key", "rank", "item_id", "reason", "fallback_level", "run_date"]
    assert comment == "What was ordered that day, refunds not taken off."
    assert description == "All about user_segments. One row per user_key."


def test_the_database_is_written_for_duckdb_1_0_clients(published_shop):
    with published_shop.current() as connection:
        tags = connection.execute("select tags from duckdb_databases() where not internal").fetchone()[0]
        keys = connection.execute("select count(*) from duckdb_constraints() where constraint_type = 'PRIMARY KEY'").fetchone()[0]
    assert tags["storage_version"] == "v1.0.0+"
    assert keys == 0  # 1.0 cannot read the index of a key that a newer DuckDB wrote


def test_parquet_files_are_compressed_with_zstd(published_shop):
    files = published_shop.builds.link / "*.parquet"
    codecs = duckdb.execute(f"select distinct compression from parquet_metadata('{files}')").fetchall()
    assert codecs == [("ZSTD",)]


def test_the_manifest_holds_the_digest_of_every_other_file(published_shop):
    folder = published_shop.builds.link
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert set(files) == {file.name for file in folder.iterdir()} - {"manifest.json"}
    for name, entry in files.items():
        content = (folder / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_the_manifest_says_what_the_build_is(published_shop):
    content = published_shop.builds.manifest(f"{NIGHT}-first")
    assert (content["build_id"], content["shop"], content["run_date"]) == (f"{NIGHT}-first", "corner", "2026-06-30")
    assert content["tables"]["user_recommendations"]["rows"] == 290
    assert content["tables"]["user_recommendations"]["key"] == ["user_key", "rank"]
    assert content["tables"]["user_segments"]["description"] == "All about user_segments. One row per user_key."
    assert content["tables"]["run_manifest"]["columns"][0]["name"] == "build_id"
    assert content["models"][0]["model_name"] == "two_tower"
    assert content["degraded"] == ["prices of other currencies: no rates file, so 12 orders stay out of revenue"]
    assert content["intake"]["bots"] == {"visitors": 1, "events": 4_600}
    assert content["audit"]["passed"] is True


def test_files_can_be_read_by_the_group_and_written_by_nobody(published_shop):
    folder = published_shop.builds.link
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert modes.pop("shop_public.duckdb") == 0o444, "open to everybody who knows the path"
    assert set(modes.values()) == {0o440}
    assert folder.stat().st_mode & 0o777 == 0o751, "they may pass through and list nothing"


def test_the_link_is_relative_so_the_data_folder_can_move(published_shop):
    root = published_shop.builds.root
    moved = root.rename(root.with_name("elsewhere"))
    assert (moved / "current" / "shop.duckdb").is_file()


def test_publishing_as_an_operator_prints_one_line_and_ends_well(filled_shop):
    done = filled_shop.run("publish", "--run-date", str(NIGHT))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"publish corner 2026-06-30: build {NIGHT}-first, 12 tables, 868 rows, ")
    assert done.stdout.endswith("now current\n")


def test_the_same_build_twice_changes_nothing_and_says_so(published_shop, snapshot):
    before = snapshot(published_shop.builds.root)
    assert published_shop.publish().endswith("it is current already")
    assert snapshot(published_shop.builds.root) == before


def test_the_same_night_built_again_becomes_current(published_shop):
    published_shop.build_serving(NIGHT, build_id="again")
    assert published_shop.publish().endswith("now current")
    assert published_shop.builds.current() == "again"


def test_an_older_night_is_kept_as_a_build_but_does_not_become_current(published_shop):
    shop, flips_before = published_shop, flips.log(published_shop.builds)
    shop.build_serving(date(2026, 6, 1), build_id="older")  # goes to a warehouse of its own under nights/
    assert "not made current: 2026-06-30-first is of the later night 2026-06-30" in shop.publish(date(2026, 6, 1))
    assert shop.builds.current() == "2026-06-30-first"
    assert shop.builds.ids()[-1] == "older"
    assert flips.log(shop.builds) == flips_before


def test_a_build_that_was_rolled_back_from_does_not_return_by_itself(published_shop):
    published_shop.build_serving(NEXT_NIGHT, build_id="bad")
    published_shop.publish(NEXT_NIGHT)
    flips.flip(published_shop.builds, f"{NIGHT}-first", "rollback")
    assert "`python -m serving_exports.rollback --to bad` brings it back" in published_shop.publish(NEXT_NIGHT)
    assert published_shop.builds.current() == f"{NIGHT}-first"


def test_a_warehouse_of_another_night_is_refused(published_shop):
    with pytest.raises(steps.StepError, match="holds the night of 2026-06-30"):
        published_shop.publish(NEXT_NIGHT)


def test_a_table_that_the_warehouse_lacks_is_named(filled_shop):
    filled_shop.change("drop table user_segments")
    with pytest.raises(steps.StepError, match="no table user_segments of dbt's manifest"):
        filled_shop.publish()
    assert filled_shop.builds.current() is None


def test_a_warehouse_without_serving_tables_is_a_clear_error(filled_shop):
    filled_shop.change("drop table run_manifest")
    with pytest.raises(steps.StepError, match="no table run_manifest: run `python -m warehouse build serving` first"):
        filled_shop.publish()


def test_a_build_id_that_is_a_path_is_refused(filled_shop):
    filled_shop.change("update run_manifest set build_id = '../../escape'")
    with pytest.raises(steps.StepError, match="is no build id"):
        filled_shop.publish()


def test_a_second_writer_is_told_who_holds_the_lock(filled_shop):
    with warehouse.lock(filled_shop.settings, filled_shop.shop, "build serving"):
        done = filled_shop.run("publish", "--run-date", str(NIGHT))
    assert done.returncode == 1
    assert "the lock of shop corner is held by build serving" in done.stderr
    assert not filled_shop.builds.root.exists()
