"""A tiny shop whose warehouse is made up, and the nights that the tests of training run over it."""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

import shop as shops
import warehouse
from settings import Settings
from targets import DECLARED
from tests.lake_by_hand import TINY
from tests.training import synthetic_warehouse
from training import history, snapshots, tracking
from training.history import History
from training.snapshots import Snapshots

SHOP = shops.Shop.model_validate(
    TINY
    | {
        "timezone": "UTC",
        "recommendations": {"k": 5, "holdout_days": 14},
        "predictions": {
            "snapshot_every_days": 7,
            "snapshot_count": 8,
            "targets": [
                "purchase_7d",
                {
                    "name": "value_7d",
                    "horizon_days": 7,
                    "kind": "value",
                    "label": "order_amount",
                    "population": "order_count_365d > 0",
                    "outside": "no_order_yet",
                    "models": ["mean_value", "value_boosting"],
                },
                {
                    "name": "category_7d",
                    "horizon_days": 7,
                    "per": "category",
                    "label": "is_purchaser",
                    "models": ["base_rate", "gradient_boosting"],
                },
            ],
        },
    }
)


@dataclass(frozen=True)
class Place:
    """A shop in a data folder of its own."""

    settings: Settings
    shop: shops.Shop
    run_date: date

    @property
    def night(self) -> tuple[Settings, shops.Shop, date]:
        """The first three arguments of every step."""
        return self.settings, self.shop, self.run_date

    @property
    def warehouse(self) -> Path:
        return warehouse.path(*self.night)

    @property
    def predictions(self) -> Path:
        return self.settings.paths(self.shop.name).predictions / f"run_date={self.run_date}"

    def change(self, *statements: str) -> None:
        """Change the warehouse, as another night's build would."""
        with duckdb.connect(str(self.warehouse)) as connection:
            for statement in statements:
                connection.execute(statement)


def place(folder: Path) -> Place:
    settings = Settings.from_environment({"NIGHTCART_DATA": str(folder), "NIGHTCART_THREADS": "2"})
    return Place(settings, SHOP, synthetic_warehouse.DAY)


@pytest.fixture(scope="session")
def synthetic_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up warehouse itself; nobody changes it."""
    file = tmp_path_factory.mktemp("synthetic") / "warehouse.duckdb"
    synthetic_warehouse.make(file)
    return file


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database as it is made on first use; making it takes seconds, so the tests start from copies."""
    fresh = place(tmp_path_factory.mktemp("store") / "data")
    tracking.Store(fresh.settings, "another_shop", "recommendations")
    return fresh.settings.data / "mlflow.db"


@pytest.fixture
def fresh_place(tmp_path: Path, synthetic_file: Path, empty_store: Path) -> Place:
    """A shop with a warehouse, and nothing trained yet."""
    return furnished(tmp_path, synthetic_file, empty_store)


def furnished(folder: Path, warehouse_file: Path, store: Path) -> Place:
    fresh = place(folder)
    fresh.warehouse.parent.mkdir(parents=True)
    shutil.copy(warehouse_file, fresh.warehouse)
    shutil.copy(store, fresh.settings.data / "mlflow.db")
    return fresh


@pytest.fixture(scope="session")
def histories(synthetic_file: Path) -> dict[str, History]:
    """By cut-off: what was known four weeks ago, two weeks ago and on the day."""
    days = {"validation": date(2026, 3, 3), "test": date(2026, 3, 17), "score": date(2026, 3, 31)}
    with duckdb.connect(str(synthetic_file), read_only=True) as connection:
        items = history.item_ids(connection)
        return {name: history.load(connection, items, day) for name, day in days.items()}


@pytest.fixture(scope="session")
def window(histories: dict[str, History]) -> History:
    """A history whose following two weeks are known."""
    return histories["test"]


@pytest.fixture(scope="session")
def user_snapshots(synthetic_file: Path) -> Snapshots:
    with duckdb.connect(str(synthetic_file), read_only=True) as connection:
        return snapshots.load(connection, DECLARED["purchase_7d"])
