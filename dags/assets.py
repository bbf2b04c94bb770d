"""The published tables as Airflow assets: a consumer's DAG can be scheduled on `nightcart://demo/user_recommendations`."""

from airflow.sdk import Asset

from settings import PROJECT_ROOT
from shop import Shop

MODELS = PROJECT_ROOT / "dbt_project" / "models" / "serving"


def published(shop: Shop) -> list[Asset]:
    """One asset per table, named `<shop>.<table>`; the tables are the serving models of dbt."""
    return [Asset(name=f"{shop.name}.{table}", uri=f"nightcart://{shop.name}/{table}", group=shop.name) for table in tables()]


def tables() -> list[str]:
    return sorted(file.stem for file in MODELS.glob("*.sql"))
