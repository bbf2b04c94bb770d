"""What the DAGs of a shop have in common: who switches them on, which day they are of, and how their commands are run."""

import re
import shlex
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, CronTriggerTimetable, Param

from dags import notice, retries, shop_files
from dags.run_dates import run_date
from settings import PROJECT_ROOT
from shop import Shop

RUN_DATE = "The day to run the night of; empty for the last day that is over in the shop's zone."


def options(name: str, shop_file: Path, shop: Shop, schedule: str) -> dict[str, Any]:
    """The keyword arguments of the DAG `<name>_<shop>`, whose `schedule` is in the shop's zone."""
    return {
        "dag_id": f"{name}_{shop.name}",
        "tags": ["nightcart", shop.name],
        "schedule": CronTriggerTimetable(schedule, timezone=shop.timezone),
        "catchup": False,
        "max_active_runs": 1,
        "is_paused_upon_creation": True,
        "params": {
            "run_date": Param(None, type=["null", "string"], format="date", maxLength=10, description=RUN_DATE),
        },
        "user_defined_macros": {
            "python": shlex.quote(sys.executable),
            "shop_file": shlex.quote(shop_files.shown(shop_file)),
            "run_date": lambda **context: run_date(shop, context),
        },
        "default_args": {
            "retries": 3,
            "retry_delay": timedelta(minutes=2),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=30),
            "retry_policy": retries.RetriesByEnvironment(),
            "on_failure_callback": notice.callbacks(shop),
        },
    }


def step(task_id: str, command: str, pool: str, hours: float, outlets: list[Asset] | None = None) -> BashOperator:
    """A task of one step, `python -m …` for the shop and the day, under the watchdog.

    Args:
        hours: then Airflow ends it; the watchdog ends one that hangs long before.
        outlets: what is new when the task has succeeded.
    """
    shop_and_day = "--shop {{ shop_file }} --run-date {{ run_date(params=params, dag_run=dag_run) }}"
    return BashOperator(
        task_id=task_id,
        bash_command=f"exec {{{{ python }}}} -m services.watchdog {command} {shop_and_day}",  # exec: no shell between it and Airflow
        cwd=str(PROJECT_ROOT),
        skip_on_exit_code=None,
        pool=pool,
        execution_timeout=timedelta(hours=hours),
        outlets=outlets,
    )


def explained(dag: DAG) -> DAG:
    """The DAG, with what its page says of each task (`- `name`: …`, or `train_…` for all that begin so) on the task too."""
    said = re.findall(r"^- `(\w+)…?`: (.+?)(?=\n- `|\n\n|\Z)", dag.doc_md, re.MULTILINE | re.DOTALL)
    for task in dag.tasks:
        task.doc_md = next(
            (text for name, text in said if task.task_id == name or (name.endswith("_") and task.task_id.startswith(name))), None
        )
    return dag
