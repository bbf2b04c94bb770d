"""A disk that runs full in mid-build, and a database that a disk has changed, through dbt itself: the tables come out the same."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

import shop as shops
import warehouse
from settings import Settings
from tests.lake_by_hand import LakeByHand, event
from tests.small_disk import SmallDisk, mounted, run_without_looking
from tests.test_incremental_nights import OF_THE_NIGHT, OF_THE_RUN, PARTS_OF_SNAPSHOTS
from tests.warehouse.conftest import NIGHT, SHOP
from warehouse import state

NEXT_NIGHT = date(2026, 3, 31)
DAYS = ("2026-03-10", "2026-03-20", "2026-03-30", "2026-03-31")
pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Shop:
    """A shop with a lake written by hand, and something published, on a small disk."""

    disk: SmallDisk
    file: Path
    settings: Settings

    @property
    def database(self) -> Path:
        return self.settings.paths("tiny").warehouse

    def build(self, night: date) -> subprocess.CompletedProcess:
        env = {"NIGHTCART_DATA": str(self.settings.data), "PATH": ""}
        return run_without_looking("warehouse", "build", "features", "--shop", str(self.file), "--run-date", str(night), env=env)

    def tables(self, night: date) -> dict[str, tuple]:
        """The number of rows and the sum of their hashes, whatever their order, of every table that says no more than the lake."""
        with warehouse.reader(self.settings, shops.read(self.file), night) as connection:
            found = connection.execute("select table_name from duckdb_tables() where database_name = 'warehouse' order by 1").fetchall()
            tables = [name for (name,) in found if name not in OF_THE_NIGHT and not name.startswith("int_touched_")]
            return {name: connection.execute(self._summed(name, night)).fetchone() for name in tables}

    def _summed(self, table: str, night: date) -> str:
        of_the_night = f"where as_of_date = date '{night}'" if table in PARTS_OF_SNAPSHOTS else ""
        rows = f'select columns(c -> c not in {OF_THE_RUN}) from "{table}" {of_the_night}'
        return f"select count(*), sum(hash(rows)::hugeint) from ({rows}) as rows"

    def published(self) -> tuple[str, bytes]:
        current = self.settings.paths("tiny").serving / "current"
        return str(current.readlink()), (current / "shop.duckdb").read_bytes()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    """The shop after a night that ended well."""
    folder = tmp_path_factory.mktemp("hard")
    file = folder / "tiny.yml"
    file.write_text(yaml.safe_dump(SHOP | {"predictions": {"snapshot_every_days": 1, "snapshot_count": 28}}))
    with mounted(folder / "disk", megabytes=256) as disk:
        made = Shop(disk, file, Settings.from_environment({"NIGHTCART_DATA": str(disk.folder)}))
        paths = made.settings.paths("tiny")
        lake = LakeByHand(paths.lake)
        for day in DAYS:
            events = [event(user, f"{day} 1{user % 10}:00:00", item_id=f"i{user % 7}") for user in range(1, 40)]
            order = {"event_type": "order_completed", "item_id": "i1", "quantity": 1, "price": 5}
            orders = [event(user, f"{day} 20:00:00", order_id=f"{day}-{user}", **order) for user in (1, 2)]
            lake.deliver("events", f"web-{day}", day, events + orders)
        build = paths.serving / "builds" / "old"
        build.mkdir(parents=True)
        duckdb.connect(str(build / "shop.duckdb")).close()
        (paths.serving / "current").symlink_to("builds/old")
        done = made.build(NIGHT)
        assert done.returncode == 0, done.stderr
        yield made


def flipped(content: bytes) -> bytes:
    """A bit in each of many blocks."""
    changed = bytearray(content)
    for place in range(len(changed) // 2, len(changed), 65_536):
        changed[place] ^= 1
    return bytes(changed)


def test_a_full_disk_and_then_damage_leave_the_tables_of_a_quiet_night(shop: Shop) -> None:
    served, before = shop.published(), {file: file.read_bytes() for file in (shop.database, shop.database.with_suffix(".json"))}
    quiet = shop.build(NEXT_NIGHT)
    assert quiet.returncode == 0 and "added to 1 earlier" in quiet.stdout, quiet.stdout + quiet.stderr
    expected = shop.tables(NEXT_NIGHT)
    assert expected["int_events_sessionize"][0] == 4 * 41
    for file, content in before.items():
        file.write_bytes(content)

    shop.disk.fill(free_bytes=1_500_000)
    full = shop.build(NEXT_NIGHT)
    last_line = full.stderr.rstrip().splitlines()[-1]  # before it, dbt traces why it cannot write its own manifest
    assert full.returncode == 1 and "what was published before is unchanged" in last_line, full.stderr[-2000:]
    assert not state.read(shop.database).is_whole
    assert shop.published() == served
    shop.disk.make_room()
    again = shop.build(NEXT_NIGHT)
    assert again.returncode == 0, again.stderr
    assert shop.tables(NEXT_NIGHT) == expected

    damaged(shop.database, flipped)
    mended = shop.build(NEXT_NIGHT)
    assert mended.returncode == 0, mended.stderr
    assert "is set aside as warehouse.duckdb.corrupt-" in mended.stderr
    assert len(list(shop.database.parent.glob("*.corrupt-*"))) == 1
    assert shop.tables(NEXT_NIGHT) == expected
    assert shop.published() == served


def damaged(file: Path, how: Callable[[bytes], bytes]) -> None:
    file.write_bytes(how(file.read_bytes()))
