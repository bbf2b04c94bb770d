"""A small shop's warehouse with the serving tables, written by hand, and the dbt manifest that lists them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

import shop as shops
import warehouse
from serving_exports import vega
from serving_exports.builds import Builds
from serving_exports.publish import publish
from settings import PROJECT_ROOT, Settings

NIGHTS = [date(2026, 6, 28), date(2026, 6, 29), date(2026, 6, 30)]
NIGHT = NIGHTS[-1]
KEYS = {
    "user_recommendations": ["user_key", "rank"],
    "newcomer_recommendations": ["country", "rank"],
    "item_recommendations": ["item_id", "relation", "rank"],
    "user_segments": ["user_key"],
    "user_segment_history": ["user_key", "valid_from"],
    "segment_migrations": ["week", "from_segment", "to_segment"],
    "audiences": ["audience_id"],
    "audience_members": ["audience_id", "user_key"],
    "user_predictions": ["user_key", "target"],
    "user_profiles": ["user_key"],
    "daily_kpis": ["date"],
    "run_manifest": ["build_id"],
}
PUBLIC = {  # as the models say of themselves
    "newcomer_recommendations": {"public": True},
    "item_recommendations": {"public": True, "people": "support"},
    "segment_migrations": {"public": True, "people": "people"},
    "audiences": {"public": True, "people": "size"},
    "daily_kpis": {"public": True, "people": "users"},
    "run_manifest": {"public": True},
}
MODELS = [
    {
        "task": task,
        "model_name": name,
        "model_version": "1",
        "run_id": "0123456789abcdef",
        "metric": metric,
        "value": value,
        "baseline_name": baseline,
        "baseline_value": baseline_value,
        "calibration_error": error,
        "calibration_error_limit": limit,
        "decision": f"{name}: {metric} {value} on the 14 days to 30 June, {baseline} {baseline_value}; the gap is wider than the interval.",
        "degraded": None,
    }
    for task, name, metric, value, baseline, baseline_value, error, limit in [
        ("recommendations", "two_tower", "recall@10", 0.1834, "popularity", 0.0721, None, None),
        ("recommendations", "two_tower", "ndcg@10", 0.1122, "popularity", 0.0388, None, None),
        ("purchase_7d", "keras_network", "log_loss", 0.2811, "logistic_regression", 0.2904, 0.0258, 0.0252),
        ("purchase_7d", "keras_network", "auc", 0.8123, "logistic_regression", 0.7991, 0.0258, 0.0252),
    ]
]  # fmt: skip

DEGRADED = ["prices of other currencies: no rates file, so 12 orders stay out of revenue"]
INTAKE = {
    "night": {"files": 1, "read": 120, "landed": 110, "quarantined": 4, "duplicate": 5, "skipped": 1, "late_event": 7},
    "standing": {"files": 90, "read": 12_000, "landed": 11_900, "quarantined": 40, "duplicate": 50, "skipped": 10, "late_event": 70},
    "bots": {"visitors": 1, "events": 4_600},
    "warnings": ["crm: nothing delivered since 2026-06-26, on 4 open days"],
}
SHOP_SQL = (Path(__file__).parent / "small_warehouse.sql").read_text()


@dataclass(frozen=True)
class SmallShop:
    """A shop with a data folder of its own, whose warehouse a test fills and changes as dbt would."""

    settings: Settings
    shop: shops.Shop
    file: Path
    environment: dict[str, str]
    written: Callable[..., Path]

    @property
    def builds(self) -> Builds:
        return Builds(self.settings.paths(self.shop.name).serving)

    def build_serving(self, night: date = NIGHT, build_id: str | None = None, **size: int) -> str:
        """Leave the night's warehouse and dbt manifest as `warehouse build serving` does; returns the build id."""
        build_id = build_id or f"{night}-first"
        file = warehouse.path(self.settings, self.shop, night)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.written(night, self.shop.recommendations.k, **size), file)
        self.change(f"update run_manifest set build_id = '{build_id}'", night)
        if file == self.settings.paths(self.shop.name).warehouse:
            file.with_suffix(".json").write_text(json.dumps({"run_date": night.isoformat(), "is_whole": True}))
        write_dbt_manifest(file.parent / "dbt_target" / "serving")
        return build_id

    def change(self, sql: str, night: date = NIGHT) -> None:
        """Change the night's warehouse."""
        with duckdb.connect(str(warehouse.path(self.settings, self.shop, night))) as connection:
            connection.execute(sql)

    def publish(self, night: date = NIGHT, **options: int) -> str:
        return publish(self.settings, self.shop, night, **options)

    def run(self, module: str, *arguments: str, fault: str = "") -> subprocess.CompletedProcess:
        """Run a command of serving_exports as an operator does, optionally with a fault."""
        environment = self.environment | ({"NIGHTCART_FAULT": fault} if fault else {})
        command = [sys.executable, "-m", f"serving_exports.{module}", "--shop", str(self.file), *arguments]
        return subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)

    def current(self) -> duckdb.DuckDBPyConnection:
        """What a consumer does: plain DuckDB, read-only."""
        return duckdb.connect(str(self.builds.link / "shop.duckdb"), read_only=True)

    def hashes(self, build_id: str) -> dict[str, str]:
        """The content hash of each table of a build."""
        return {name: table["content_hash"] for name, table in self.builds.manifest(build_id)["tables"].items()}


def write_dbt_manifest(folder: Path) -> None:
    nodes = {
        f"model.nightcart.{name}": {
            "resource_type": "model",
            "name": name,
            "path": f"serving/{name}.sql",
            "config": {"meta": {"key": key, **PUBLIC.get(name, {})}},
            "description": f"All about {name}. One row per {' and '.join(key)}.",
        }
        for name, key in KEYS.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"nodes": nodes}))


@pytest.fixture(scope="session")
def written_warehouses(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a night's warehouse once and returns its file, to be copied."""
    folder = tmp_path_factory.mktemp("warehouses")

    def write(night: date, k: int, users: int = 30, items: int = 20) -> Path:
        file = folder / f"{night}-{k}-{users}-{items}.duckdb"
        if not file.exists():
            values = {"run_date": night, "k": k, "users": users, "items": items, "shop": "corner", "build_id": ""}
            values |= {"models": json.dumps(MODELS), "degraded": json.dumps(DEGRADED), "intake": json.dumps(INTAKE)}
            with duckdb.connect(str(file)) as connection:
                for statement in connection.extract_statements(SHOP_SQL):
                    connection.execute(statement, {name: values[name] for name in statement.named_parameters})
        return file

    return write


@pytest.fixture(scope="session")
def chart_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache with the script of the report's charts, which takes seconds to make."""
    cache = tmp_path_factory.mktemp("cache")
    vega.script(cache)
    return cache


@pytest.fixture(scope="session")
def shop_in(written_warehouses: Callable[..., Path], chart_script: Path) -> Callable[..., SmallShop]:
    """Makes a shop whose data lies in the given folder, which holds nothing yet but the charts' script."""

    def make(folder: Path, k: int = 10) -> SmallShop:
        shutil.copytree(chart_script, folder / "data" / "cache", dirs_exist_ok=True)
        file = folder / "corner.yml"
        file.write_text(
            "name: corner\ntitle: The corner shop\ntimezone: Europe/Berlin\ncurrency: EUR\n"
            f"recommendations: {{k: {k}}}\n"
            "segments: {min_people: 1}\n"
            "sources: [{name: web, format: csv, files: '{date}.csv', event_type: {default: product_viewed},"
            " columns: {event_at: at, user_id: user}}]\n"
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTCART_")}
        environment |= {"NIGHTCART_DATA": str(folder / "data"), "NIGHTCART_THREADS": "1"}  # the tables are tiny
        return SmallShop(Settings.from_environment(environment), shops.read(file), file, environment, written_warehouses)

    return make


@pytest.fixture(scope="session")
def published_data(tmp_path_factory: pytest.TempPathFactory, shop_in: Callable[..., SmallShop]) -> Path:
    """The data folder of a shop with three published nights, to be copied."""
    shop = shop_in(tmp_path_factory.mktemp("published"))
    for night in NIGHTS:
        shop.build_serving(night)
        shop.publish(night)
    return shop.settings.data


@pytest.fixture
def empty_shop(tmp_path: Path, shop_in: Callable[..., SmallShop]) -> SmallShop:
    """A shop that has neither a warehouse nor a build."""
    return shop_in(tmp_path)


@pytest.fixture
def filled_shop(empty_shop: SmallShop) -> SmallShop:
    """A shop whose warehouse holds one night that is not published yet."""
    empty_shop.build_serving(NIGHT)
    return empty_shop


@pytest.fixture
def published_shop(empty_shop: SmallShop, published_data: Path) -> SmallShop:
    """A shop with the three nights of NIGHTS published, the last of them current and still in the warehouse."""
    shutil.copytree(published_data, empty_shop.settings.data, symlinks=True, dirs_exist_ok=True)
    return empty_shop


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder, byte for byte."""
    return lambda folder: {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
