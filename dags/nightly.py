"""## One night of one shop

From the files in `landing/` to the tables in `serving/current`, for the last day that was over in the shop's own zone
when the night started, or for the day that the parameter `run_date` names. There is one such DAG for each sound file in
`shops/`; it is paused until an operator turns it on. Each task is one command, shown under *Rendered Templates*: run it
by hand, in the project's folder, to see what it does.

A task that fails is tried again three times, after at least 2, 4 and 8 minutes. If it still fails, what was published before
stays as it is, whichever task it was. The last lines of its log say what is wrong; mend that and *clear* the task, and the
night goes on from there.

- `land`: a file is missing, or more rows were refused than the shop file allows. Look into `data/<shop>/quarantine/`, ask
  the sender for the file, or mend the mapping in the shop file. Files that were landed already are skipped the next time.
- `build_features`: dbt names the model or the test. After a change of a model: `git log dbt_project/`. Else the data broke
  the rule that the test states. A damaged warehouse is set aside and built anew by itself.
- `train_…`: mostly memory. Lower `NIGHTCART_MEMORY_LIMIT`, or wait until nothing else runs. A finished fit is not done again.
- `promote`: MLflow's store cannot be read (`make doctor`). The champion stays the one of the night before.
- `score`: the champion cannot be refitted or loaded. Clear the training tasks too: they make its model anew.
- `build_serving`: dbt names the published table whose contract or test broke.
- `publish`: the audit refused the build and says why, or the disk is full (`make doctor`). Where a day is missing or a tenth of
  what its weekday has: ask the sender, land the rest and clear `land`; if the shop was closed, name the day in the shop file's
  `closed`; if it is right as it is, publish by hand with `--despite-volume`. To go back by a night:
  `python -m serving_exports.rollback`.

*Exit code 124*: the step hung and the watchdog ended it (`NIGHTCART_HANG_MINUTES`). *"The disk is full"*, *"too little room"*: make
room, then *clear* the task. *"The lock … is held"*: another command writes to this shop, at this moment. Wait for it; nothing was written.
"""

from pathlib import Path

from airflow.sdk import DAG, dag

from dags import assets, shop_dag, shop_files
from dags.shop_dag import step
from settings import Settings
from shop import Shop


def nightly(shop_file: Path, shop: Shop) -> DAG:
    """The DAG `nightly_<shop>`."""

    @dag(**shop_dag.options("nightly", shop_file, shop, shop.schedule), doc_md=__doc__)
    def night() -> None:
        land = step("land", "ingestion.land", pool="warehouse", hours=4)
        build_features = step("build_features", "warehouse build features", pool="warehouse", hours=4)
        train = [step(f"train_{name}", f"training.train {name}", pool="gpu", hours=8) for name in shop.task_names]
        promote = step("promote", f"training.promote {' '.join(shop.task_names)}", pool="gpu", hours=1)
        score = step("score", "training.score", pool="gpu", hours=8)
        build_serving = step("build_serving", "warehouse build serving", pool="warehouse", hours=4)
        publish = step("publish", "serving_exports.publish", pool="warehouse", hours=1, outlets=assets.published(shop))

        land >> build_features >> train >> promote >> score >> build_serving >> publish

    return shop_dag.explained(night())


for shop_file, shop in shop_files.usable(Settings.from_environment().shops):
    nightly(shop_file, shop)
