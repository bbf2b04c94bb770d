"""What is missing or unsafe on this machine, each with the line that mends it: `python -m doctor`."""

from collections.abc import Iterator
from datetime import UTC, datetime

from doctor import installation, machine, nights, running
from doctor.finding import Finding
from settings import Settings


def examine(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Everything there is to look at, in the order of a first setup.

    Args:
        now: aware; default the present.
    """
    yield from machine.examine(settings)
    yield from installation.examine(settings)
    yield from running.examine(settings)
    yield from nights.examine(settings, now or datetime.now(UTC))
