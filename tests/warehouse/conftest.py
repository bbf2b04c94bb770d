"""A small shop whose warehouse is built without dbt: what is tested is what happens around it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

import shop as shops
import steps
import warehouse
from settings import Settings
from tests.lake_by_hand import TINY, LakeByHand
from warehouse import building, state

SHOP = TINY
NIGHT = date(2026, 3, 30)
ROWS = 50_000  # some blocks of a database


@dataclass
class StubbedWarehouse:
    """Builds nights with a stub in dbt's place, which writes one table `facts` with the same rows each time it builds in full.

    Args:
        calls: the build number of each call of the stub.
        during: called with the database before the stub writes, to break something.
    """

    settings: Settings
    shop: shops.Shop
    calls: list[int] = field(default_factory=list)
    during: Callable[[Path, int], None] = lambda database, number: None

    @property
    def database(self) -> Path:
        return self.settings.paths(self.shop.name).warehouse

    @property
    def aside(self) -> list[Path]:
        return sorted(self.database.parent.glob("*.corrupt-*"))

    @property
    def held(self) -> state.State | None:
        return state.read(self.database)

    def build(self, night: date = NIGHT, stage: str = "features", full: bool = False) -> str:
        return building.build(self.settings, self.shop, night, stage, full)

    def rows(self, night: date = NIGHT) -> list[tuple]:
        with warehouse.reader(self.settings, self.shop, night) as connection:
            return connection.execute("select count(*), sum(number) from facts where code <> ''").fetchall()

    def run_dbt(
        self, settings: Settings, shop: shops.Shop, run_date: date, stage: str, database: Path, number: int = 0, **_: object
    ) -> list:
        self.calls.append(number)
        self.during(database, number)
        try:
            with duckdb.connect(str(database)) as connection:
                self._write(connection, stage, number)
        except duckdb.Error as error:
            raise steps.StepError(f"dbt stage {stage}: 1 failure(s)\n  {error}") from error  # as dbt says it
        return []

    def _write(self, connection: duckdb.DuckDBPyConnection, stage: str, number: int) -> None:
        if stage == "serving":
            connection.execute("create or replace table run_manifest as select 1 as one")
        elif number == 0:
            connection.execute(f"create table facts as select range as number, md5(range::varchar) as code from range({ROWS})")
        else:
            connection.execute("select sum(number), min(code) from facts").fetchall()


@pytest.fixture
def stubbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubbedWarehouse:
    """A shop with an empty lake and no warehouse yet."""
    file = tmp_path / "tiny.yml"
    file.write_text(yaml.safe_dump(SHOP))
    tiny = StubbedWarehouse(Settings.from_environment({"NIGHTCART_DATA": str(tmp_path / "data")}), shops.read(file))
    LakeByHand(tiny.settings.paths("tiny").lake)
    monkeypatch.setattr(building, "run_dbt", tiny.run_dbt)
    return tiny


@pytest.fixture
def whole(stubbed: StubbedWarehouse) -> StubbedWarehouse:
    """The same after a night that ended well."""
    stubbed.build()
    return stubbed
