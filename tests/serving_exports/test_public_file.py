"""The file for wider readers: nothing of a single person is in it, and a build in which something is does not become current."""

import duckdb
import pytest

import steps
from tests.serving_exports.conftest import KEYS, PUBLIC, write_dbt_manifest

FEW = 3  # of at least so many people must a row be, in these tests


@pytest.fixture
def shop_of_many(filled_shop):
    """A shop that asks for groups of three, with one small group in the warehouse."""
    groups = filled_shop.shop.segments.model_copy(update={"min_people": FEW})
    object.__setattr__(filled_shop, "shop", filled_shop.shop.model_copy(update={"segments": groups}))
    filled_shop.change("update segment_migrations set people = 2 where to_segment = (select min(to_segment) from segment_migrations)")
    return filled_shop


def rows(shop, sql: str) -> list[tuple]:
    with duckdb.connect(str(shop.builds.link / "shop_public.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_only_what_a_model_declares_public_is_in_it(published_shop):
    assert {name for (name,) in rows(published_shop, "show tables")} == PUBLIC.keys()
    assert rows(published_shop, "select count(*) from daily_kpis") == [(270,)]
    comment = "select comment from duckdb_columns() where column_name = 'revenue'"
    assert rows(published_shop, comment) == [("What was ordered that day, refunds not taken off.",)]


def test_no_key_of_a_person_is_anywhere_in_its_bytes(published_shop):
    content = (published_shop.builds.link / "shop_public.duckdb").read_bytes()
    with published_shop.current() as connection:
        keys = [key for (key,) in connection.execute("select user_key from user_profiles").fetchall()]
    assert len(keys) == 30
    assert not any(form in content for key in keys for form in (str(key).encode(), key.bytes, key.bytes_le, key.bytes[::-1]))
    assert b"user_key" not in content


def test_rows_of_too_few_people_are_in_the_shops_own_file_alone(shop_of_many, monkeypatch):
    monkeypatch.setattr("serving_exports.audit.QUERIES", shop_of_many.settings.data)  # its groups are too small for some of those
    shop_of_many.publish()
    with shop_of_many.current() as connection:
        assert connection.execute("select count(*) from segment_migrations where people < 3").fetchone()[0] > 0
    assert rows(shop_of_many, "select count(*) from segment_migrations where people < 3") == [(0,)]
    assert rows(shop_of_many, "select count(*) > 0 from segment_migrations") == [(True,)]


def test_a_table_of_people_that_is_declared_public_by_mistake_stops_the_publish(filled_shop, monkeypatch):
    monkeypatch.setitem(PUBLIC, "user_segments", {"public": True})
    folder = next(filled_shop.settings.paths("corner").root.rglob("dbt_target")) / "serving"
    write_dbt_manifest(folder)
    assert "user_segments" in KEYS
    with pytest.raises(steps.StepError, match=r"not so: shop_public: no column could name a person \(1 found"):
        filled_shop.publish()
    assert filled_shop.builds.current() is None
    (refused,) = (filled_shop.builds.root / "builds").iterdir()
    assert refused.stat().st_mode & 0o777 == 0o750, "nobody outside the group gets at what was refused"
    assert (refused / "shop_public.duckdb").stat().st_mode & 0o777 == 0o440
