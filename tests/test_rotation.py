"""A published shop whose key is changed: the same tables under new keys, and the old ones nowhere."""

import csv
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from ingestion.pseudonyms import visitor_key
from settings import PROJECT_ROOT
from tests.conftest import HMAC_KEY, TinyShop

KEY_FORM = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PROFILES = "select user_key, first_seen_at, last_seen_at, session_count_30d, order_amount_365d from user_profiles order by user_key"


@dataclass(frozen=True)
class KeyedShop(TinyShop):
    """A tiny shop whose key stands in secrets.env, with a store of MLflow of its own, which is empty."""

    @property
    def environment(self) -> dict[str, str]:
        given = {name: value for name, value in super().environment.items() if name != "NIGHTCART_HMAC_KEY"}
        return given | {"NIGHTCART_SHOPS": str(self.shop_file.parent)}

    def rotate(self, fault: str = "") -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "services.rotate_key"], cwd=PROJECT_ROOT, env=self.environment | {"NIGHTCART_FAULT": fault},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def user_key(self, user_id: str) -> str:
        command = [sys.executable, "-m", "ingestion.user_key", user_id, "--shop", str(self.shop_file)]
        return subprocess.run(command, cwd=PROJECT_ROOT, env=self.environment, capture_output=True, text=True, check=True).stdout.strip()

    def builds(self) -> set[str]:
        return {build.name for build in (self.folder / "serving" / "builds").iterdir()}

    def raw_ids(self) -> list[tuple[str, str]]:
        """(kind, id) of everybody that there is, as the demo shop wrote it down."""
        found = []
        for kind, table, column in (("user", "users", "user_id"), ("anon", "devices", "anonymous_id"), ("anon", "bots", "anonymous_id")):
            with (self.truth / f"{table}.csv").open() as file:
                found += [(kind, row[column]) for row in csv.DictReader(file)]
        return found

    def published_keys_found(self, keys: set[str]) -> dict[Path, int]:
        """How many of these keys stand in each file below the data folder, but for landing's and truth's."""
        kept = {self.folder / "landing", self.truth}
        files = [file for file in self.data.rglob("*") if file.is_file() and not file.is_symlink() and not kept & set(file.parents)]
        found = {file: len({match.decode() for match in KEY_FORM.findall(readable(file))} & keys) for file in files}
        return {file: count for file, count in found.items() if count}


def readable(file: Path) -> bytes:
    """A file's bytes; of Parquet and DuckDB files, whose bytes are compressed, the values too."""
    texts = "select columns(*)::varchar from {}"
    with duckdb.connect() as connection:
        if file.suffix == ".parquet":
            return repr(connection.sql(texts.format(f"read_parquet('{file}', hive_partitioning = false)")).fetchall()).encode()
        if file.suffix == ".duckdb":
            connection.execute(f"attach '{file}' as opened (read_only)")
            tables = connection.sql("select table_name from duckdb_tables() where database_name = 'opened'").fetchall()
            return b"".join(repr(connection.sql(texts.format(f"opened.{table}")).fetchall()).encode() for (table,) in tables)
    return file.read_bytes()


@pytest.fixture(scope="module")
def keyed_shop(published_shop, tmp_path_factory):
    """A copy of the published tiny shop."""
    root = tmp_path_factory.mktemp("keyed")
    shutil.copytree(published_shop.data, root / "data", symlinks=True, ignore=shutil.ignore_patterns("mlflow.db*", "mlartifacts"))
    shutil.copy(published_shop.shop_file, root / "demo.yml")
    (root / "data" / "secrets.env").write_text(f"NIGHTCART_HMAC_KEY={HMAC_KEY}\n")
    (root / "data" / "secrets.env").chmod(0o600)
    return KeyedShop(root / "data", root / "demo.yml", published_shop.run_date)


@pytest.mark.long  # two nights of every build that is kept
def test_a_published_shop_is_served_under_new_keys_and_holds_no_old_one(keyed_shop):
    first = (bytes.fromhex(HMAC_KEY),)
    raw_ids = keyed_shop.raw_ids()
    old = {str(visitor_key(first, kind, "demo", raw_id)): (kind, raw_id) for kind, raw_id in raw_ids}
    builds = keyed_shop.builds()
    with keyed_shop.published() as connection:
        before = connection.execute(PROFILES).fetchall()
    assert len(keyed_shop.published_keys_found(set(old))) > 20

    killed = keyed_shop.rotate("kill:rotate.published")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    chain = keyed_shop.settings.hmac_keys
    assert len(chain) == 2 and chain[0] == first[0]
    assert keyed_shop.builds() > builds

    finished = keyed_shop.rotate()
    assert finished.returncode == 0, finished.stderr
    assert keyed_shop.settings.hmac_keys == chain, "a second rotation"
    assert len(keyed_shop.builds()) == 1 and not keyed_shop.builds() & builds
    assert keyed_shop.published_keys_found(set(old)) == {}

    with keyed_shop.published() as connection:
        after = connection.execute(PROFILES).fetchall()
    assert sorted((visitor_key(chain, *person(old, key)), *rest) for key, *rest in before) == sorted(after)
    user_id = next(raw_id for kind, raw_id in raw_ids if kind == "user" and visitor_key(chain, kind, "demo", raw_id) == after[0][0])
    assert keyed_shop.user_key(user_id) == str(after[0][0])
    landed = keyed_shop.step("ingestion.land")
    assert " read 0 = landed 0 " in landed.stdout, landed.stderr


def person(raw_ids: dict[str, tuple[str, str]], key: UUID) -> tuple[str, str, str]:
    kind, raw_id = raw_ids[str(key)]
    return kind, "demo", raw_id
