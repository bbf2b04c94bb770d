"""## Is the night published in time?

Looks at the hour `publish_by` of the shop file, in the shop's zone and on the days of its `schedule`, whether `serving/current` is of
the night that was due, and tells whom `notify` names if it is not: also where the night failed, hangs, was never started, or is
switched off. There is one such DAG for each shop file with that key, and it is switched on from the start. It cannot speak while the
scheduler itself is down: `make doctor` looks at the same hour without it.

- `published_in_time`: the night is late. See the tasks of `nightly_<shop>`; where none is running or failed, whether it is switched on.
"""

from pathlib import Path

from airflow.sdk import DAG, dag

from dags import notice, shop_dag, shop_files
from settings import Settings
from shop import Shop


def deadline(shop_file: Path, shop: Shop) -> DAG:
    """The DAG `deadline_<shop>`."""
    options = shop_dag.options("deadline", shop_file, shop, shop.publish_by_schedule)
    options["is_paused_upon_creation"] = False
    # a second look would only make the notice late
    options["default_args"] |= {"retries": 0, "on_failure_callback": notice.callbacks(shop, f"was not published by {shop.publish_by}")}

    @dag(**options, doc_md=__doc__)
    def look() -> None:
        # not in the pools of the night: it may be what holds them
        shop_dag.step("published_in_time", "serving_exports.deadline", pool="default_pool", hours=0.25)

    return shop_dag.explained(look())


for shop_file, shop in shop_files.usable(Settings.from_environment().shops):
    if shop.publish_by is not None:
        deadline(shop_file, shop)
