"""A person sees the steps' own lines; everything is kept in the raw log."""

import io
import json
from pathlib import Path

import pytest

from services.night_output import CLEAR, NightOutput

HOOK = "airflow.task.hooks.airflow.providers.standard.hooks.subprocess.SubprocessHook"
DAG = "airflow.sdk.definitions.dag"
API = "airflow.api_fastapi.execution_api.routes.task_instances"


def entry(event: str, logger: str, **more: str) -> str:
    return json.dumps({"event": event, "logger": logger, "level": "info"} | more) + "\n"


def task(name: str, *said: str, state: str = "success") -> list[str]:
    return [
        entry(f"[DAG TEST] starting task_id={name} map_index=-1", DAG),
        entry("Task started", API, previous_state="queued"),
        entry("Tmp dir root location: /tmp", HOOK),
        entry("Running command: ['bash', '-c', 'true']", HOOK),
        entry("Output:", HOOK),
        *(entry(line, HOOK) for line in said),
        entry("Command exited with return code 0", HOOK),
        *([entry("Task failed with exception", "task", level="error")] if state == "failed" else []),
        entry("Task instance state updated", API, new_state=state),
        entry(f"[DAG TEST] end task task_id={name} map_index=-1", DAG),
    ]


@pytest.fixture
def raw_log(tmp_path: Path) -> Path:
    return tmp_path / "night.jsonl"


def shown(raw_log: Path, lines: list[str]) -> tuple[NightOutput, list[list[str]]]:
    out = io.StringIO()
    output = NightOutput(raw_log, out)
    for line in lines:
        output.show(line)
    return output, [line.split(maxsplit=1) for line in out.getvalue().splitlines()]


def test_the_steps_lines_stand_under_their_names_and_airflows_do_not_show(raw_log: Path) -> None:
    output, seen = shown(raw_log, task("land", "reading 3 files", "land demo: 7 rows") + task("publish", "published"))
    assert [line for line in seen if "done in" not in line[1]] == [
        ["land", "reading 3 files"],
        ["land", "land demo: 7 rows"],
        ["publish", "published"],
    ]
    assert [name for name, text in seen if text.startswith("done in 0.")] == ["land", "publish"]
    assert output.failed == []


def test_tensorflows_chatter_is_left_to_the_raw_log(raw_log: Path) -> None:
    chatter = "I0000 00:00:1795474358.332583   22717 port.cc:153] oneDNN custom operations are on."
    warning = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"
    _, seen = shown(raw_log, task("score", warning, chatter, "score demo: 3 rows"))
    assert [text for _, text in seen if not text.startswith("done")] == ["score demo: 3 rows"]
    assert chatter in raw_log.read_text()


def test_a_failed_task_is_named(raw_log: Path) -> None:
    output, seen = shown(raw_log, task("land", "no files in landing/", state="failed"))
    assert seen == [["land", "no files in landing/"], ["land", "FAILED"]]
    assert output.failed == ["land"]


def test_what_airflow_itself_complains_of_is_shown(raw_log: Path) -> None:
    _, seen = shown(raw_log, [entry("database is locked", "airflow.models", level="error"), "DagRun failed\n", '{"a": 1}\n', "null\n"])
    assert seen == [["airflow", "database is locked"], ["airflow", "DagRun failed"], ["airflow", '{"a": 1}'], ["airflow", "null"]]


def test_every_line_is_kept_for_the_owner(raw_log: Path) -> None:
    lines = task("land", "x")
    shown(raw_log, lines)
    assert raw_log.read_text() == "".join(lines)
    assert raw_log.stat().st_mode & 0o777 == 0o600


def test_on_a_terminal_progress_is_one_line_and_elsewhere_plain_lines(raw_log: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    lines = task("score", "04:05:06 training: epoch 1 of 5", "04:05:07 training: epoch 2 of 5", "score demo: 3 rows")
    terminal = Terminal()
    output = NightOutput(raw_log, terminal)
    for line in lines:
        output.show(line)
    shown_lines = terminal.getvalue().split("\n")
    assert [line.rsplit("\r")[-1].removeprefix(CLEAR)[22:] for line in shown_lines[:1]] == ["score demo: 3 rows"]
    assert "training: epoch 2 of 5" in shown_lines[0]
    assert len(shown_lines) == 3  # the summary, its time, and nothing after
    _, plain = shown(raw_log, lines)
    assert ["score", "04:05:07 training: epoch 2 of 5"] in plain
