"""Loads the DAGs as Airflow does and prints what they are, as one line of JSON. A process of its own: Airflow settles where its
home is when it is imported.

    python -m tests.dags.describe CONTEXTS      # a JSON list of {"run_date", "logical_date", "run_after"} to render the commands for
"""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.definitions.dag import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from settings import PROJECT_ROOT

HOSTILE_DATES = ["2026-06-30; touch /tmp/x", "2026-06-30\n", "20260630", "2026-02-30", "{{ 1 }}", "", "$(id)", 5, ["2026-06-30"]]


def main() -> None:
    bag = DagBag(str(PROJECT_ROOT / "dags"))
    contexts = json.loads(sys.argv[1])
    described = {
        "import_errors": {Path(file).name: error for file, error in bag.import_errors.items()},
        "dags": {name: describe(dag, contexts) for name, dag in bag.dags.items()},
    }
    print(json.dumps(described))


def describe(dag: DAG, contexts: list[dict]) -> dict:
    return {
        "schedule": dag.timetable.expression,
        "timezone": str(dag.timetable.timezone),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "is_paused_upon_creation": dag.is_paused_upon_creation,
        "doc_md": dag.doc_md,
        "refused": [value for value in HOSTILE_DATES if refuses(dag, value)],
        "accepted": [value for value in (None, "2026-06-30") if not refuses(dag, value)],
        "stored": json.dumps(DagSerialization.to_dict(dag), default=str, sort_keys=True),
        "tasks": {task.task_id: describe_task(dag, task, contexts) for task in dag.topological_sort()},
    }


def refuses(dag: DAG, run_date: object) -> bool:
    try:
        dag.params.get_param("run_date").resolve(value=run_date)
    except ParamValidationError:
        return True
    return False


def describe_task(dag: DAG, task: object, contexts: list[dict]) -> dict:
    return {
        "upstream": sorted(task.upstream_task_ids),
        "pool": task.pool,
        "retries": task.retries,
        "first_delay_seconds": task.retry_delay.total_seconds(),
        "backoff": task.retry_exponential_backoff,
        "has_timeout": task.execution_timeout is not None,
        "cwd": task.cwd,
        "commands": [render(dag, task, context) for context in contexts],
        "tries": {limit: decide(task, limit) for limit in (None, "0", "1")},
        "notices": len(task.on_failure_callback),
        "doc_md": task.doc_md,
        "outlets": [asset.uri for asset in task.outlets],
    }


def render(dag: DAG, task: object, context: dict) -> str:
    moments = {name: datetime.fromisoformat(context[name]) if context[name] else None for name in ("logical_date", "run_after")}
    values = {"params": {"run_date": context["run_date"]}, "dag_run": SimpleNamespace(**moments)}
    return task.render_template(task.bash_command, values, dag.get_template_env())


def decide(task: object, limit: str | None) -> str:
    """What the retry policy says of a first failure."""
    os.environ.pop("NIGHTCART_RETRIES", None)
    if limit is not None:
        os.environ["NIGHTCART_RETRIES"] = limit
    return task.retry_policy.evaluate(RuntimeError("made up"), 1, 4, {}).action.value


if __name__ == "__main__":
    main()
