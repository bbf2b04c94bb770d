"""Which night a run is of."""

from collections.abc import Mapping
from datetime import date

from shop import Shop


def run_date(shop: Shop, context: Mapping) -> str:
    """The night's day as YYYY-MM-DD: the param `run_date`, else the last day that was over, in the shop's zone, when the run was due.

    Airflow's own `ds` is the day in UTC, undefined for a run triggered without a logical date. What comes from outside
    leaves here as a date or not at all: it becomes part of a command.

    Raises:
        ValueError: the param is no date.
    """
    asked, run = context["params"]["run_date"], context["dag_run"]
    day = date.fromisoformat(asked) if asked else shop.last_complete_day(run.logical_date or run.run_after)
    return day.isoformat()
