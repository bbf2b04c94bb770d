"""## Better parameters for one shop, once a week

Searches for better parameters of the recommenders (`python -m training.tune recommendations`), on the warehouse of the
last night. The nights after start their fits from what it finds; none of them is slower for it, and whether a recipe becomes
champion is still decided there. There is one such DAG for each sound file in `shops/`; it is paused until an operator turns
it on.

- `tune_recommendations`: the night of that day has not been built (the message says how), or a fit diverged. What an earlier
  search found stays in force. Every trial is a nested run of `tuning <day>` in MLflow.
"""

from pathlib import Path

from airflow.sdk import DAG, dag

from dags import shop_dag, shop_files
from settings import Settings
from shop import Shop

SUNDAY_NOON = "0 12 * * 0"  # long after the night, and on the day with least to do


def tuning(shop_file: Path, shop: Shop) -> DAG:
    """The DAG `tuning_<shop>`."""

    @dag(**shop_dag.options("tuning", shop_file, shop, SUNDAY_NOON), doc_md=__doc__)
    def search() -> None:
        shop_dag.step("tune_recommendations", "training.tune recommendations", pool="gpu", hours=8)

    return shop_dag.explained(search())


for shop_file, shop in shop_files.usable(Settings.from_environment().shops):
    tuning(shop_file, shop)
