"""The shop's KPIs, read from their one definition in dbt_project/models/metrics.yml, and the SQL that each stands for.

dbt checks and documents the definitions as its semantic models and metrics; what would compile them, MetricFlow, is a
package and a query engine more than seventeen sentences of SQL need.
"""

from dataclasses import dataclass

import yaml

from settings import PROJECT_ROOT

FILE = PROJECT_ROOT / "dbt_project" / "models" / "metrics.yml"
AGGREGATES = {
    "count": "count({expr})",
    "count_distinct": "count(distinct {expr})",
    "sum": "coalesce(sum({expr}), 0)",
    "sum_boolean": "count(*) filter (where {expr})",
}
UNITS = {"count": "{sql}", "money": "cast({sql} as decimal(18, 2))", "share": "round({sql}, 6)"}


@dataclass(frozen=True)
class Metric:
    """One KPI.

    Args:
        unit: count, money (the shop's currency) or share (0 to 1).
        sql: of a simple one an aggregate over its semantic model's rows; of a ratio or derived one an expression over
            columns that bear the names of its inputs.
        ratio: the names of a ratio's numerator and denominator, to divide anew over several days; None for others.
    """

    name: str
    label: str
    unit: str
    sql: str
    ratio: tuple[str, str] | None = None


def read() -> list[Metric]:
    """All KPIs in the order of the file.

    Raises:
        KeyError: a definition uses an aggregate, a unit or a measure for which there is no SQL.
    """
    content = yaml.safe_load(FILE.read_text())
    measures = {measure["name"]: measure for model in content["semantic_models"] for measure in model["measures"]}
    return [_metric(entry, measures) for entry in content["metrics"]]


def variables() -> dict[str, str]:
    """The SQL of each KPI under the name by which the macro `metric` asks dbt for it."""
    return {f"metric_{metric.name}": metric.sql for metric in read()}


def _metric(entry: dict, measures: dict[str, dict]) -> Metric:
    unit, inputs = entry["config"]["meta"]["unit"], entry["type_params"]
    ratio = (inputs["numerator"], inputs["denominator"]) if entry["type"] == "ratio" else None
    return Metric(entry["name"], entry["label"], unit, UNITS[unit].format(sql=_expression(entry, measures)), ratio)


def _expression(entry: dict, measures: dict[str, dict]) -> str:
    inputs = entry["type_params"]
    if entry["type"] == "simple":
        measure = measures[inputs["measure"]]
        return AGGREGATES[measure["agg"]].format(expr=measure["expr"])
    if entry["type"] == "ratio":
        return f"{inputs['numerator']} / nullif({inputs['denominator']}, 0)"
    return inputs["expr"]
