"""A folder of predictions is whole or not there, and says what it was made of."""

import json
import uuid
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

import warehouse
from training import prediction_files

USER = str(uuid.UUID(int=7))


def tables(probability: float = 0.25) -> dict:
    empty = {name: prediction_files.empty(name) for name in prediction_files.COLUMNS}
    rows = {
        "user_key": [USER], "target": ["purchase_7d"], "horizon_days": [7], "probability": [probability], "expected_value": [None],
        "top_reasons": [["days since the last order: 3 (raises)"]], "model_name": ["base_rate"], "model_version": ["1"],
    }  # fmt: skip
    return empty | {"user_predictions": prediction_files.table("user_predictions", rows)}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return prediction_files.folder(tmp_path / "predictions", date(2026, 3, 31))


@pytest.mark.parametrize("name", prediction_files.COLUMNS)
def test_every_file_is_there_and_typed_even_when_empty(target, name):
    prediction_files.write(target, tables(), {})
    described = duckdb.sql(f"describe select * from read_parquet('{target / name}.parquet', hive_partitioning = false)").fetchall()
    assert {row[0]: row[1].lower() for row in described} == prediction_files.COLUMNS[name]


def test_the_warehouse_expects_the_columns_that_scoring_writes():
    sources = yaml.safe_load((warehouse.DBT_PROJECT / "models" / "staging" / "sources.yml").read_text())["sources"]
    (declared,) = (source["tables"] for source in sources if source["name"] == "predictions")
    columns = {table["name"]: {column["name"]: column["data_type"] for column in table["columns"]} for table in declared}
    assert columns == prediction_files.COLUMNS


def test_rows_come_back_as_written(target):
    prediction_files.write(target, tables(), {})
    row = duckdb.sql(f"select user_key, probability, expected_value, top_reasons from '{target}/user_predictions.parquet'").fetchone()
    assert row == (uuid.UUID(USER), 0.25, None, ["days since the last order: 3 (raises)"])


def test_the_same_rows_give_the_same_bytes(target, tmp_path):
    other = tmp_path / "other"
    prediction_files.write(target, tables(), {"a": 1})
    prediction_files.write(other, tables(), {"a": 1})
    assert {file.name: file.read_bytes() for file in target.iterdir()} == {file.name: file.read_bytes() for file in other.iterdir()}


def test_a_folder_is_current_only_for_its_inputs_and_while_unchanged(target):
    prediction_files.write(target, tables(), {"digest": "abc"})
    assert prediction_files.is_current(target, {"digest": "abc"})
    assert not prediction_files.is_current(target, {"digest": "abd"})
    (target / "models.parquet").write_bytes(b"")
    assert not prediction_files.is_current(target, {"digest": "abc"})


def test_a_folder_without_a_manifest_or_a_file_is_not_current(target):
    assert not prediction_files.is_current(target, {})
    prediction_files.write(target, tables(), {})
    (target / "models.parquet").unlink()
    assert not prediction_files.is_current(target, {})


@pytest.mark.parametrize(("point", "is_there"), [("score.written", True), ("score.replacing", False)])
def test_a_killed_write_leaves_the_old_folder_or_none_and_the_next_one_mends_it(target, monkeypatch, point, is_there):
    prediction_files.write(target, tables(0.25), {"night": 1})

    def power_cut(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    monkeypatch.setattr(prediction_files, "fault_point", power_cut)
    with pytest.raises(KeyboardInterrupt):
        prediction_files.write(target, tables(0.75), {"night": 2})
    assert target.exists() == is_there
    if is_there:
        assert json.loads((target / "manifest.json").read_text())["inputs"] == {"night": 1}
    monkeypatch.undo()
    prediction_files.write(target, tables(0.75), {"night": 2})
    assert prediction_files.is_current(target, {"night": 2})
    assert [path.name for path in target.parent.iterdir()] == [target.name]
