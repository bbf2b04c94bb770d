"""MLflow's server takes connections and never answers, for a whole night: what that costs, in seconds.

The night has as many tasks as the demo's, and MLflow is asked anew for every one of them, as in a night whose steps are
more than a minute apart; the steps are quick, so that nothing else hides the waiting. The same night with MLflow there
uses an SQLite file, the quickest that there is.
"""

import shutil
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest
import yaml

import shop as shops
from settings import PROJECT_ROOT
from tests.conftest import steps_of
from tests.faults import cheap_steps
from tests.faults.stage import NIGHT, NIGHT_BEFORE, Stage, copy

pytestmark = pytest.mark.faults

LIMIT_SECONDS = 60
HORIZONS = (3, 5, 7, 9, 14)
TARGETS = [
    {"name": f"purchase_{days}d", "horizon_days": days, "label": "is_purchaser", "models": ["base_rate"]} for days in HORIZONS
]  # fmt: skip
TASKS = ("recommendations", *(target["name"] for target in TARGETS))
LAND, BUILD, *TRAIN_TO_SCORE, BUILD_SERVING, PUBLISH = steps_of(TASKS)


@pytest.fixture
def trained_shop(tmp_path: Path) -> Stage:
    """The tiny shop with six tasks, its champions of the night before, and tonight's features."""
    stage = Stage(tmp_path)
    content = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text())
    content["predictions"] = {"snapshot_every_days": 7, "snapshot_count": 5, "targets": TARGETS}
    content["audiences"] = []
    stage.shop.shop_file.write_text(yaml.safe_dump(content))
    stage.finish(("ingestion.demo_shop", "--users", "300", "--items", "60", "--days", "90"), NIGHT)
    for step in (LAND, BUILD, *TRAIN_TO_SCORE):
        if step[0] != "training.score":
            stage.finish(step, NIGHT_BEFORE)
    stage.finish(LAND)
    stage.finish(BUILD)
    return stage


def seconds(stage: Stage, **environment: str) -> float:
    """What training, promotion and scoring take together."""
    began = time.monotonic()
    for step in TRAIN_TO_SCORE:
        stage.finish(step, **environment)
    return time.monotonic() - began


def test_a_whole_night_without_mlflow_takes_less_than_a_minute_more(trained_shop, record_property, tmp_path):
    stage = trained_shop
    assert len(TASKS) == len(shops.read(PROJECT_ROOT / "shops" / "demo.yml").task_names)
    copy(stage.shop.data, tmp_path / "before")
    there = seconds(stage)
    shutil.rmtree(stage.shop.data)
    copy(tmp_path / "before", stage.shop.data)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        absent = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{silent.getsockname()[1]}", cheap_steps.ASK_ANEW: "1"}
        away = seconds(stage, **absent)
        assert "MLflow was away" in stage.said
        stage.finish(BUILD_SERVING, **absent)
        stage.finish(PUBLISH, **absent)
    record_property("seconds added by MLflow's absence", round(away - there, 1))
    assert stage.served() == NIGHT
    assert 10 < away - there < LIMIT_SECONDS, f"{there:.1f} s with MLflow, {away:.1f} s without"
