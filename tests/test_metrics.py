"""Each KPI has one definition: what is published, reported and documented is made of it, and no model states another."""

import re

import duckdb
import pytest
import yaml

import metrics
from settings import PROJECT_ROOT

MODELS = PROJECT_ROOT / "dbt_project" / "models"
DEFINED = [metric.name for metric in metrics.read()]


def columns_of(model: str) -> dict[str, str]:
    """The described columns of a model, but for what says which row it is."""
    (described,) = yaml.safe_load((MODELS / f"{model}.yml").read_text())["models"]
    return {column["name"]: column["description"] for column in described["columns"] if column["name"] not in ("date", "run_date")}


@pytest.mark.parametrize("model", ["marts/fct_daily_kpis", "serving/daily_kpis"])
def test_every_kpi_is_a_column_under_its_own_words_and_no_column_is_anything_else(model):
    described = {entry["name"]: entry["description"] for entry in yaml.safe_load(metrics.FILE.read_text())["metrics"]}
    assert columns_of(model) == described


@pytest.mark.parametrize("model", ["marts/fct_daily_kpis", "serving/daily_kpis"])
def test_the_tables_of_kpis_compute_nothing_by_themselves(model):
    sql = (MODELS / f"{model}.sql").read_text()
    without_metrics = re.sub(r"\{\{.*?\}\}", "", sql)
    assert re.findall(r"\b(?:count|sum|avg|round|nullif|filter)\s*\(|\s/\s", without_metrics) == []


def test_each_kpi_is_asked_for_once_in_all_models():
    models = "".join(file.read_text() for file in MODELS.rglob("*.sql"))
    asked = re.findall(r"metric\('(\w+)'\) \}\} as (\w+),", models)
    assert sorted(asked) == sorted((name, name) for name in DEFINED)
    assert len(asked) == models.count("metric('")


def test_names_and_labels_are_unique():
    known = metrics.read()
    assert len({metric.name for metric in known}) == len({metric.label for metric in known}) == len(known) > 10


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("users", "select 'a' as actor_key, true as is_activity union all select 'a', true union all select 'b', false", 1),
        ("views", "select unnest(['product_viewed', 'product_viewed', 'product_added']) as event_type", 2),
        ("revenue", "select unnest([1.25, 2.50]) as line_amount, unnest([false, true]) as is_refund", 1.25),
        ("revenue", "select 1.25 as line_amount, true as is_refund where false", 0),
        ("net_revenue", "select 5.00 as revenue, 1.50 as refunds", 3.5),
        ("conversion_rate", "select 1 as converted_sessions, 3 as sessions", 0.333333),
        ("conversion_rate", "select 0 as converted_sessions, 0 as sessions", None),
        ("average_order_value", "select 10.00 as revenue, 3 as orders", 3.33),
    ],
)
def test_a_definition_becomes_the_sql_that_it_says(name, rows, expected):
    sql = {metric.name: metric.sql for metric in metrics.read()}[name]
    (found,) = duckdb.sql(f"select {sql} from ({rows})").fetchone()
    assert (found if found is None else float(found)) == expected
