"""Keeps the services of `make up` running: starts each when what it needs answers, starts again what ended, and gives up openly.

    python -m services.supervisor        # `make up` starts it, in a session of its own; `make down` stops it and the services

A service that ends is started again after 2, 4, 8 … seconds; one that ends five times within ten minutes is given up:
who hears of failed nights is told (`dags.service_notice`), `make doctor` and the next `make up` say so, and the others run
on. One that gives no answer for ten minutes is ended, and so started again. `data/services.json` says at any time what runs
and how often it had to be started again. Logs of more than 10 MB are moved aside, and once a week old records are removed
(`services.tidy`).
"""

import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field, replace

import psutil

from services import environment, health, processes, roster, tidy
from services.processes import Started
from services.roster import Service
from settings import PROJECT_ROOT, Settings

log = logging.getLogger("supervisor")

POLL_SECONDS = 1
HEALTH_SECONDS = 30  # between two questions once all have answered
SILENT_SECONDS = 600  # a busy machine answers late; one that is stuck never does
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 2, 60
MAX_DEATHS, WITHIN_SECONDS = 5, 600
LOGS_SECONDS = 600  # between two looks at what grows


@dataclass
class Ward:
    """One service and what has become of it; moments are of the monotonic clock."""

    service: Service
    started: Started | None = None  # what was started last; it may have ended
    runs: bool = False
    starts_at: float = 0
    deaths: list[float] = field(default_factory=list)
    silent_since: float | None = None

    @property
    def waits(self) -> bool:
        """It is to be started."""
        return not self.runs and not (self.started and self.started.is_given_up)


class Supervisor:
    """Looks after the services until it is told to stop; what it started runs on then, for `make down` to end.

    Args:
        services: in the order in which they are started.

    Example:
        >>> Supervisor(settings, roster.services(settings)).watch()
    """

    def __init__(self, settings: Settings, services: list[Service]) -> None:
        self.settings = settings
        self.wards = [Ward(service) for service in services]
        self.is_told_to_stop = False
        self._is_recorded = False
        self._asked_at = -HEALTH_SECONDS
        self._looked_at_logs = -LOGS_SECONDS
        self._silent: list[str] = []

    def watch(self) -> None:
        """Look until told to stop. A full disk or too few processes must not take away who starts again what they end."""
        while not self.is_told_to_stop:
            try:
                self.look(time.monotonic())
            except OSError as error:
                log.error("this round was cut short, the next goes on: %s", error)
            time.sleep(POLL_SECONDS)

    def stop(self, *_: object) -> None:
        """A signal's handler: the round that is under way writes down what it started."""
        self.is_told_to_stop = True

    def look(self, now: float) -> None:
        """One round: who ended, who is silent, who may start."""
        if not self._is_recorded:
            self._record()
        for ward in self.wards:
            if ward.runs and not ward.started.is_alive:
                self._bury(ward, now, "ended")
        self._ask(now)
        for ward in self.wards:
            if ward.waits and now >= ward.starts_at and not self._silent_or_absent(ward.service.needs) and not self.is_told_to_stop:
                self._start(ward)
        if now - self._looked_at_logs >= LOGS_SECONDS:
            self._looked_at_logs = now
            self._bound_what_grows()

    def _bound_what_grows(self) -> None:
        """The last of a round: a full disk may cut it short."""
        if tidy.is_due(self.settings):
            self._run_aside(roster.tidy(self.settings))
        for file in sorted(environment.logs(self.settings).glob("*.log")):
            tidy.keep_short(file)

    def _ask(self, now: float) -> None:
        """Who answers; asked at every round while somebody waits for somebody."""
        if not any(ward.waits and ward.service.needs for ward in self.wards) and now - self._asked_at < HEALTH_SECONDS:
            return
        self._asked_at, self._silent = now, health.missing()
        for ward in self.wards:
            is_silent = ward.runs and ward.service.name in self._silent
            ward.silent_since = (ward.silent_since or now) if is_silent else None
            if ward.silent_since is not None and now - ward.silent_since > SILENT_SECONDS:
                self._bury(ward, now, f"gave no answer for {SILENT_SECONDS} s")

    def _silent_or_absent(self, names: tuple[str, ...]) -> bool:
        running = {ward.service.name for ward in self.wards if ward.runs}
        return any(name in self._silent or name not in running for name in names)

    def _start(self, ward: Ward) -> None:
        service, deaths = ward.service, ward.started.deaths if ward.started else 0
        started = processes.start(
            service.name, service.command, service.environment, roster.log_file(self.settings, service.name), PROJECT_ROOT
        )
        ward.started, ward.runs = replace(started, deaths=deaths), True
        log.info("%s started, process %d", service.name, started.pid)
        self._record()

    def _bury(self, ward: Ward, now: float, why: str) -> None:
        """End what is left of a service, and say when it is started again: a task of a dead scheduler must not run on beside its retry."""
        left = processes.stop([ward.started])
        ward.deaths = [*(moment for moment in ward.deaths if now - moment < WITHIN_SECONDS), now]
        is_given_up = len(ward.deaths) >= MAX_DEATHS
        delay = min(FIRST_DELAY_SECONDS * 2 ** (len(ward.deaths) - 1), LONGEST_DELAY_SECONDS)
        ward.runs, ward.starts_at, ward.silent_since = False, now + delay, None
        ward.started = replace(ward.started, deaths=ward.started.deaths + 1, is_given_up=is_given_up)
        what = f"{MAX_DEATHS} times in {WITHIN_SECONDS} s: given up" if is_given_up else f"is started again in {delay} s"
        log.error("%s %s (%d processes were left), %s", ward.service.name, why, left, what)
        self._record()
        if is_given_up:
            self._run_aside(roster.notice(self.settings, ward.service.name))

    def _run_aside(self, service: Service) -> None:
        """Start what ends by itself, and look after it no further; what it has to say stands in the supervisor's log."""
        log_file = roster.log_file(self.settings, roster.SUPERVISOR)
        processes.start(service.name, service.command, service.environment, log_file, PROJECT_ROOT)

    def _record(self) -> None:
        self._is_recorded = False
        own = Started(roster.SUPERVISOR, os.getpid(), psutil.Process().create_time())
        processes.record(environment.services_file(self.settings), [own, *(ward.started for ward in self.wards if ward.started)])
        self._is_recorded = True


def main() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        settings = Settings.from_environment()
        supervisor = Supervisor(settings, roster.services(settings))
    except ValueError as error:
        sys.exit(f"supervisor: {error}")
    signal.signal(signal.SIGTERM, supervisor.stop)
    supervisor.watch()


if __name__ == "__main__":
    main()
