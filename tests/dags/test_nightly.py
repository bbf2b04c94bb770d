"""What Airflow sees: the DAGs, the order of their tasks, and what it will run."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from settings import PROJECT_ROOT

TASKS = ["recommendations", "purchase_7d", "purchase_30d", "churn_30d", "value_90d", "category_purchase_7d"]  # of shops/demo.yml
TRAIN = [f"train_{name}" for name in TASKS]
UPSTREAM = {
    "land": [],
    "build_features": ["land"],
    **{name: ["build_features"] for name in TRAIN},
    "promote": sorted(TRAIN),
    "score": ["promote"],
    "build_serving": ["score"],
    "publish": ["build_serving"],
}
COMMANDS = {
    "land": "ingestion.land",
    "build_features": "warehouse build features",
    **{f"train_{name}": f"training.train {name}" for name in TASKS},
    "promote": f"training.promote {' '.join(TASKS)}",
    "score": "training.score",
    "build_serving": "warehouse build serving",
    "publish": "serving_exports.publish",
}


@pytest.fixture(scope="module")
def demo(loaded: dict) -> dict:
    return loaded["dags"]["nightly_demo"]


def test_there_are_two_dags_for_each_shop_file_and_no_other(loaded: dict) -> None:
    assert set(loaded["dags"]) == {f"{name}_{shop}" for name in ("nightly", "tuning") for shop in ("demo", "online_retail")}
    assert loaded["import_errors"] == {}


def test_the_tasks_stand_in_the_order_of_the_night(demo: dict) -> None:
    assert {name: task["upstream"] for name, task in demo["tasks"].items()} == UPSTREAM


def test_one_fit_and_one_user_of_the_warehouse_at_a_time(demo: dict) -> None:
    pools = {name: task["pool"] for name, task in demo["tasks"].items()}
    fits = {*TRAIN, "promote", "score"}
    assert {name for name, pool in pools.items() if pool == "gpu"} == fits
    assert {name for name, pool in pools.items() if pool == "warehouse"} == set(UPSTREAM) - fits


def test_each_shop_is_scheduled_in_its_own_zone(loaded: dict) -> None:
    assert {name: (dag["schedule"], dag["timezone"]) for name, dag in loaded["dags"].items()} == {
        "nightly_demo": ("0 4 * * *", "Europe/Berlin"),
        "nightly_online_retail": ("0 4 * * *", "Europe/London"),
        "tuning_demo": ("0 12 * * 0", "Europe/Berlin"),
        "tuning_online_retail": ("0 12 * * 0", "Europe/London"),
    }


def test_a_dag_waits_to_be_switched_on_and_never_runs_twice_at_once(demo: dict) -> None:
    assert demo["is_paused_upon_creation"] is True
    assert (demo["catchup"], demo["max_active_runs"]) == (False, 1)


def test_failed_tasks_are_tried_again_after_two_minutes_and_then_later_and_later(demo: dict) -> None:
    for task in demo["tasks"].values():
        assert (task["retries"], task["first_delay_seconds"], task["backoff"]) == (3, 120, 2)
        assert task["has_timeout"]


def test_a_night_by_hand_is_not_tried_again_and_is_stored_as_the_same_dag(demo: dict) -> None:
    assert demo["tasks"]["land"]["tries"] == {"null": "default", "0": "fail", "1": "default"}
    assert "NIGHTCART_RETRIES" not in demo["stored"]


def test_the_page_of_the_dag_says_what_to_do_for_every_task(demo: dict) -> None:
    told = demo["doc_md"].replace("train_…", " ".join(TRAIN))
    assert [name for name in UPSTREAM if name not in told] == []


def test_each_task_says_what_to_do_when_it_fails(loaded: dict) -> None:
    tasks = {name: task for dag in loaded["dags"].values() for name, task in dag["tasks"].items()}
    assert [name for name, task in tasks.items() if not task["doc_md"]] == []
    assert tasks["train_purchase_7d"]["doc_md"].startswith("mostly memory.")


def test_publish_brings_every_published_table_as_an_asset(demo: dict) -> None:
    models = sorted(file.stem for file in (PROJECT_ROOT / "dbt_project" / "models" / "serving").glob("*.yml"))
    assert demo["tasks"]["publish"]["outlets"] == [f"nightcart://demo/{name}" for name in models]
    assert [name for name, task in demo["tasks"].items() if task["outlets"]] == ["publish"]


@pytest.mark.parametrize("task_id", COMMANDS)
def test_a_task_is_one_visible_command_under_the_watchdog(demo: dict, task_id: str) -> None:
    by_hand, _ = demo["tasks"][task_id]["commands"]
    step = re.fullmatch(r"exec \S+/python -m services.watchdog (.+) --shop shops/demo.yml --run-date 2026-06-30", by_hand)
    assert step and step[1] == COMMANDS[task_id]
    assert demo["tasks"][task_id]["cwd"] == str(PROJECT_ROOT)


def test_every_step_of_the_night_is_a_module_that_can_be_run() -> None:
    modules = {command.split()[0] for command in COMMANDS.values()}
    assert [module for module in sorted(modules) if importlib.util.find_spec(module) is None] == []


def test_a_scheduled_run_takes_the_last_day_that_was_over_in_the_shops_zone(demo: dict) -> None:
    # 02:00 UTC is 04:00 in Berlin on 1 July: the day before was over
    assert demo["tasks"]["land"]["commands"][1].endswith("--run-date 2026-06-30")


def test_a_parameter_that_is_no_date_is_refused(demo: dict) -> None:
    assert demo["refused"] == [
        "2026-06-30; touch /tmp/x",
        "2026-06-30\n",
        "20260630",
        "2026-02-30",
        "{{ 1 }}",
        "",
        "$(id)",
        5,
        ["2026-06-30"],
    ]
    assert demo["accepted"] == [None, "2026-06-30"]


def test_faulty_shop_files_show_as_an_import_error_and_leave_the_other_shops_alone(load_dags, tmp_path: Path) -> None:
    sound = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text())
    quoted = tmp_path / "a shop; {{ 7 * 7 }} touch x.yml"
    for file, changes in {
        quoted: {"title": "{{ 7 * 7 }}", "notify": {"email": "night@example.com", "webhook": "https://example.com/hook"}},
        tmp_path / "no_zone.yml": {"name": "no_zone", "timezone": "Europe/Atlantis"},
        tmp_path / "no_cron.yml": {"name": "no_cron", "schedule": "every night"},
        tmp_path / "twice.yml": {},
    }.items():
        file.write_text(yaml.safe_dump(sound | changes))
    (tmp_path / "no_yaml.yml").write_text("name: [")

    loaded = load_dags(tmp_path)

    assert set(loaded["dags"]) == {"nightly_demo", "tuning_demo"}
    assert set(loaded["import_errors"]) == {"shop_faults.py"}
    for fault in ("no_zone.yml", "Europe/Atlantis", "no_cron.yml", "every night", "no_yaml.yml", "twice.yml: name: demo is the name of"):
        assert fault in loaded["import_errors"]["shop_faults.py"]
    land = loaded["dags"]["nightly_demo"]["tasks"]["land"]
    assert f"--shop '{quoted}' --run-date" in land["commands"][0]
    assert land["notices"] == 2


def test_the_weekly_search_is_one_command_for_the_same_day_as_the_night_before_it(loaded: dict) -> None:
    ((name, task),) = loaded["dags"]["tuning_demo"]["tasks"].items()
    by_hand, by_schedule = task["commands"]
    assert (name, task["pool"], task["upstream"]) == ("tune_recommendations", "gpu", [])
    assert by_hand.endswith("-m services.watchdog training.tune recommendations --shop shops/demo.yml --run-date 2026-06-30")
    assert by_schedule == by_hand
