"""A disk that really runs full: a small file system in memory, with a ballast that can be thrown off."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from settings import PROJECT_ROOT

# a step as it is called, but for the look at the free space, which would stop it before it could run out
WITHOUT_LOOKING = """
import runpy, sys
import disk_space
disk_space.require = lambda *_: None
module = sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class SmallDisk:
    """A mounted folder of some megabytes."""

    folder: Path

    def fill(self, free_bytes: int) -> None:
        """Leave so much free, and nothing more."""
        state = os.statvfs(self.folder)
        with (self.folder / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize - free_bytes)

    def make_room(self) -> None:
        (self.folder / "ballast").unlink()


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """A small disk at a new folder; skips the test where nothing can be mounted."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def run_without_looking(module: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    """Run a step that does not look at the free space first."""
    command = [sys.executable, "-c", WITHOUT_LOOKING, module, *arguments]
    return subprocess.run(command, cwd=PROJECT_ROOT, env=env, capture_output=True, text=True, check=False)


def refused_for_a_full_disk(done: subprocess.CompletedProcess) -> bool:
    """Exit code 1, one sentence that says what to do, and no traceback."""
    return (
        done.returncode == 1
        and "the disk is full: " in done.stderr
        and "make room there and run this again; what was published before is unchanged" in done.stderr
        and "Traceback" not in done.stderr
    )
