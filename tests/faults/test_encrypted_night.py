"""A whole night under an encryption key: dbt builds both stages and the publish copies them, and nothing of them lies open."""

import csv
from pathlib import Path

import duckdb
import pytest

import warehouse
from serving_exports.published import current
from settings import Settings
from tests.faults.stage import NIGHT, STEPS, Stage

pytestmark = pytest.mark.faults

KEY, OTHER_KEY = "a key of more than 16 characters", "another key of more than 16 characters"
PLANTED = "planted-title-8472"
PUBLISHED = {PLANTED, "because_viewed", "user_recommendations"}  # what a file shows that lies open: texts, and the names of tables
TEXTS = PUBLISHED | {"feat_user_windows"}
SERVING, PUBLISH = STEPS[-2:]


@pytest.fixture(scope="module")
def encrypted_night(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The tiny shop after a night of steps that had the key; one under another key tried to build the serving tables first."""
    stage = Stage(tmp_path_factory.mktemp("encrypted"))
    stage.write_shop_file()
    stage.finish(("ingestion.demo_shop", "--users", "300", "--items", "60", "--days", "90"), NIGHT)
    plant(stage.shop.settings.paths("demo").landing / "catalogue")
    for step in STEPS:
        if step == SERVING:
            assert stage.run(step, NIGHTCART_ENCRYPTION_KEY=OTHER_KEY) == 1
            assert "is not the key that" in stage.said and "characters" not in stage.said
        stage.finish(step, NIGHTCART_ENCRYPTION_KEY=KEY)
    return stage


def plant(catalogue: Path) -> None:
    """Give the first item a title that nothing else has."""
    for file in catalogue.iterdir():
        text = file.read_text()
        title = next(csv.DictReader(text.splitlines()))["title"]
        assert title in text
        file.write_text(text.replace(title, PLANTED, 1))


@pytest.fixture(scope="module")
def settings(encrypted_night: Stage) -> Settings:
    return Settings.from_environment(encrypted_night.environment | {"NIGHTCART_ENCRYPTION_KEY": KEY})


def held(file: Path) -> set[str]:
    content = file.read_bytes()
    return {text for text in TEXTS if text.encode() in content}


def plain_copy(settings: Settings, file: Path, target: Path) -> Path:
    """What the same tables are on the disk without a key."""
    with duckdb.connect() as connection:
        connection.execute("pragma force_compression = 'uncompressed'")
        warehouse.attach(connection, settings, file, "encrypted", "read_only")
        connection.execute(f"attach '{target}' as plain")
        connection.execute("copy from database encrypted to plain")
    return target


def test_neither_the_warehouse_nor_the_published_file_holds_what_the_same_tables_hold_without_a_key(encrypted_night, settings, tmp_path):
    shop = encrypted_night.shop.shop
    build = current(settings, shop)
    for file, texts in ((warehouse.path(settings, shop, NIGHT), TEXTS), (build / "shop.duckdb", PUBLISHED)):
        assert held(plain_copy(settings, file, tmp_path / file.name)) == texts
        assert held(file) == set()
    assert [file.name for file in build.iterdir() if file.suffix == ".parquet" or file.is_dir()] == []


def test_the_published_file_needs_the_key_and_the_public_one_does_not(encrypted_night, settings):
    build = current(settings, encrypted_night.shop.shop)
    with duckdb.connect() as consumer:
        consumer.execute(f"attach '{build / 'shop.duckdb'}' as shop (read_only, encryption_key '{KEY}')")
        assert consumer.execute("select distinct run_date from shop.user_recommendations").fetchall() == [(NIGHT,)]
    with pytest.raises(duckdb.Error, match="encrypt"):
        duckdb.connect(str(build / "shop.duckdb"), read_only=True)
    with duckdb.connect(str(build / "shop_public.duckdb"), read_only=True) as anybody:
        assert anybody.execute("select count(*) > 0 from daily_kpis").fetchone() == (True,)


def test_no_file_of_the_night_holds_the_key(encrypted_night):
    written = [file for file in encrypted_night.shop.data.rglob("*") if file.is_file() and not file.is_symlink()]
    assert len(written) > 100
    assert [file for file in written if KEY.encode() in file.read_bytes()] == []
