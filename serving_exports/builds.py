"""The folders under `serving/`: which builds there are, and which may go.

    serving/builds/<build_id>/           a whole build: written, audited, synced, and never changed again
    serving/builds/<build_id>.refused/   one whose audit failed, kept to be looked at
    serving/builds/<build_id>.partial/   being written, or left by a killed publish; the next publish removes it
    serving/current                      a link to a whole build (see flips.py)

A consumer only ever sees whole builds, and a path is never written to twice.
"""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import steps
from faults import fault_point
from serving_exports.tables import PUBLIC_DATABASE
from settings import sync

KEEP_BUILDS = 5
KEEP_YOUNGER_THAN = timedelta(hours=48)  # a consumer that opened a build on Friday still has its Parquet on Sunday
BUILD_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")  # no dot: a suffix always means "not a build"
FILE_MODE = 0o440  # 0640 without the right to write: nobody changes a build, its owner neither
FOLDER_MODE = 0o750
PUBLIC_FILE_MODE = 0o444
PUBLIC_FOLDER_MODE = 0o751  # of a whole build: who is not of the group may pass through to the public file, and list nothing


@dataclass(frozen=True)
class Builds:
    """The builds of one shop.

    Args:
        root: the shop's `serving/` folder; made when the first build begins.

    Example:
        >>> Builds(settings.paths("demo").serving).current()
        '2026-06-30-20260701T020512000000Z'
    """

    root: Path

    @property
    def link(self) -> Path:
        return self.root / "current"

    def folder(self, build_id: str) -> Path:
        """Where a build is or will be.

        Raises:
            StepError: the text cannot name a build (it would be a path of its own, or a leftover's name).
        """
        if not BUILD_ID.fullmatch(build_id):
            raise steps.StepError(f"{build_id!r} is no build id: letters, digits, - and _ only")
        return self.root / "builds" / build_id

    def ids(self) -> list[str]:
        """Every whole build, the oldest first by the time its manifest was written."""
        return [folder.name for folder in self._folders() if BUILD_ID.fullmatch(folder.name)]

    def current(self) -> str | None:
        """The build that consumers see; None before the first, or where the link leads nowhere."""
        return self.link.resolve().name if self.link.is_dir() else None

    def manifest(self, build_id: str) -> dict:
        """A build's manifest.json.

        Raises:
            StepError: no such build; the message names those there are.
        """
        file = self.folder(build_id) / "manifest.json"
        if not file.exists():
            raise steps.StepError(f"there is no build {build_id}; there are: {', '.join(self.ids()) or 'none'}")
        return json.loads(file.read_text(encoding="utf-8"))

    def run_date(self, build_id: str) -> date:
        return date.fromisoformat(self.manifest(build_id)["run_date"])

    def verify(self, build_id: str) -> None:
        """Hash a build's files before it is made current again: a disk may have changed them since they were written.

        Raises:
            StepError: a file is gone, or is not what the publish wrote.
        """
        folder, files = self.folder(build_id), self.manifest(build_id)["files"]
        damaged = [name for name, wrote in files.items() if not (folder / name).exists() or sha256(folder / name) != wrote["sha256"]]
        if damaged:
            raise steps.StepError(
                f"build {build_id} is damaged ({', '.join(damaged)}), and was not made current; there are: {', '.join(self.ids())}"
            )

    def begin(self, build_id: str) -> Path:
        """A new, empty folder to write the build in."""
        partial = self.folder(build_id).with_suffix(".partial")
        partial.mkdir(parents=True)
        partial.chmod(FOLDER_MODE)  # whatever the umask
        return partial

    def finish(self, partial: Path) -> None:
        """Give a written folder its final name, after all of it is on the disk; its public file is open to everybody then."""
        _make_durable(partial)
        for public in partial.glob(PUBLIC_DATABASE):
            public.chmod(PUBLIC_FILE_MODE)
            partial.chmod(PUBLIC_FOLDER_MODE)
        fault_point("publish.synced")
        _rename(partial, partial.with_suffix(""))

    def refuse(self, partial: Path) -> Path:
        """Set a written folder aside as `.refused` (`.refused-2`, … when it was refused before); returns its new path."""
        _make_durable(partial)
        earlier = len(list(partial.parent.glob(f"{partial.stem}.refused*")))
        refused = partial.with_suffix(f".refused-{earlier + 1}" if earlier else ".refused")
        _rename(partial, refused)
        return refused

    def remove_leftovers(self) -> None:
        """Remove what a killed publish or prune left half-made."""
        self.link.with_suffix(".new").unlink(missing_ok=True)
        for folder in self._folders():
            if folder.suffix in (".partial", ".removed"):
                shutil.rmtree(folder)

    def prune(self, keep: int, protected: set[str | None], now: datetime) -> list[str]:
        """Remove builds, and refused ones, that are neither among the last `keep`, nor young, nor protected; returns their names."""
        folders = [folder for folder in reversed(self._folders()) if folder.suffix not in (".partial", ".removed")]
        whole = [folder for folder in folders if not folder.suffix]
        refused = [folder for folder in folders if folder.suffix]
        old = [
            folder
            for folder in whole[keep:] + refused[keep:]
            if folder.name not in protected and now - _written_at(folder) > KEEP_YOUNGER_THAN
        ]
        for folder in old:
            _remove(folder)
        return [folder.name for folder in old]

    def remove(self, names: list[str]) -> list[str]:
        """Remove the folders of these names, whole builds or not; returns those that were there."""
        found = [folder for folder in self._folders() if folder.name in names]
        for folder in found:
            _remove(folder)
        return [folder.name for folder in found]

    def _folders(self) -> list[Path]:
        folders = [folder for folder in (self.root / "builds").glob("*") if folder.is_dir()]
        return sorted(folders, key=lambda folder: (_written_at(folder), folder.name))


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _written_at(folder: Path) -> datetime:
    manifest = folder / "manifest.json"
    return datetime.fromtimestamp((manifest if manifest.exists() else folder).stat().st_mtime, UTC)


def _make_durable(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(FILE_MODE)
        sync(file)
    sync(folder)


def _rename(folder: Path, new: Path) -> None:
    if new.exists():
        raise steps.StepError(f"{new} exists already, and no path is used twice")
    folder.rename(new)
    sync(new.parent)


def _remove(folder: Path) -> None:
    """Take the name away first: a removal that is cut short must not leave half a build under a build's name."""
    removed = folder.with_name(folder.name + ".removed")
    folder.rename(removed)
    fault_point("prune.renamed")
    shutil.rmtree(removed)
