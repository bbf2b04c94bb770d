"""One command in a process of its own, and what it took."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from settings import PROJECT_ROOT


@dataclass(frozen=True)
class Run:
    """What one process took: wall seconds, processor seconds, and the most memory that it held (resident), in GB."""

    seconds: float
    processor_seconds: float
    gigabytes: float


def measured(module: str, *arguments: object, environment: dict[str, str] | None = None) -> tuple[Run, str]:
    """Run `python -m module arguments…`; what it took, and what it printed.

    Keep the caller small: the kernel counts a parent's peak memory as its child's until the child's own is higher.

    Raises:
        SystemExit: it failed; its output is printed.
    """
    return measured_command([sys.executable, "-m", module, *map(str, arguments)], environment)


def measured_command(command: list[str], environment: dict[str, str] | None = None) -> tuple[Run, str]:
    """The same of any command."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=os.environ | (environment or {}), stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        output.seek(0)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{output.read()}")
        run = Run(round(seconds, 2), round(usage.ru_utime + usage.ru_stime, 2), round(usage.ru_maxrss * 1024 / 1e9, 2))
        return run, output.read()
