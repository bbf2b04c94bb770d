"""What a person sees of a night by hand: the steps' own lines, when each began and ended; Airflow's go to a file."""

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import TextIO

STARTING, ENDED = "[DAG TEST] starting task_id=", "[DAG TEST] end task task_id="
STEP_LOGGER = "SubprocessHook"  # of the operator that runs the steps
STEP_LOGGER_OWN_LINES = ("Tmp dir root location", "Output:", "Command exited", "Sending SIGTERM")
NOISE = re.compile(r"[IW]\d{4} \d\d:\d\d:|WARNING: All log messages before absl::")  # TensorFlow's C++, before it can be told to be quiet
PROGRESS = re.compile(r"\d\d:\d\d:\d\d \w+: ")  # what a step says while it works; its last line is its summary
STEP_FAILED = "Task failed with exception"  # the step's own last lines have said why


CLEAR = "\x1b[K"  # a terminal's word for: to the end of the line


class NightOutput:
    """Reads the JSON lines of `airflow dags test`, keeps them all and prints the ones that speak of the night.

    Args:
        raw_log: file (0600) that gets every line as it came.
        out: where the readable lines go (default: stdout). On a terminal what a step says while it works stands in one line that
            the next one replaces; elsewhere each has a line of its own.
    """

    def __init__(self, raw_log: Path, out: TextIO = sys.stdout):
        self.failed: list[str] = []
        self._raw = os.fdopen(os.open(raw_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", buffering=1)
        self._out = out
        self._task = "airflow"
        self._began = time.monotonic()

    def show(self, line: str) -> None:
        """Take one line of Airflow's output; one that is not its JSON is printed as it is."""
        self._raw.write(line)
        try:
            entry = json.loads(line)
            event, logger, level = str(entry["event"]), str(entry.get("logger")), str(entry.get("level"))
        except (ValueError, KeyError, TypeError):
            self._print(line.rstrip())
            return
        if event.startswith(STARTING):
            self._task = event.removeprefix(STARTING).split()[0]
        elif event.startswith(ENDED):
            self._end_task()
        elif entry.get("new_state") == "failed":
            self.failed.append(self._task)
        elif logger.endswith(STEP_LOGGER):
            self._show_step(event)
        elif level in ("error", "critical") and not event.startswith(STEP_FAILED):
            self._print(event)

    def _show_step(self, event: str) -> None:
        if event.startswith("Running command"):
            self._began = time.monotonic()
        elif self._out.isatty() and PROGRESS.match(event):
            self._show_progress(event)
        elif not event.startswith(STEP_LOGGER_OWN_LINES) and not NOISE.match(event):
            self._print(event)

    def _show_progress(self, event: str) -> None:
        text = f"{self._task:<21} {time.monotonic() - self._began:5.0f} s  {event[len('00:00:00 ') :]}"
        print(f"\r{text[: shutil.get_terminal_size().columns - 1]}{CLEAR}", end="", file=self._out, flush=True)

    def _end_task(self) -> None:
        self._print("FAILED" if self._task in self.failed else f"done in {time.monotonic() - self._began:.1f} s")
        self._task = "airflow"

    def _print(self, text: str) -> None:
        over = f"\r{CLEAR}" if self._out.isatty() else ""
        print(f"{over}{self._task:<21} {text}", file=self._out, flush=True)
