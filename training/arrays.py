"""Plain arrays on disk, and the hashes that they are checked by before they are read: no pickle anywhere."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

import steps


class ChangedFileError(steps.StepError):
    """A stored file is not the one that was recorded."""


def save(file: Path, **arrays: np.ndarray) -> None:
    np.savez(file, **arrays)


def load(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def to_json(content: Any) -> str:
    return json.dumps(content, sort_keys=True)


def from_json(text: str) -> Any:
    return json.loads(text)


def save_json(file: Path, content: Any) -> None:
    file.write_text(to_json(content))


def load_json(file: Path) -> Any:
    return from_json(file.read_text())


def hash_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def hashes(folder: Path) -> dict[str, str]:
    """The sha256 of each file below a folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_of(path) for path in files}


def check_file(file: Path, recorded: str | None) -> None:
    """Make sure that a file has the recorded sha256.

    Raises:
        ChangedFileError: it has another, or none was recorded.
    """
    if hash_of(file) != recorded:
        why = "no sha256 was recorded" if recorded is None else "its sha256 is not the recorded one"
        raise ChangedFileError(f"{file.name}: {why}; it is not loaded: make it anew by running its step with --again")


def check(folder: Path, recorded: dict[str, str]) -> None:
    """Make sure that a folder holds exactly the recorded files.

    Raises:
        ChangedFileError: a file differs, is missing or is one too many; each is named.
    """
    found = hashes(folder)
    wrong = sorted(name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name))
    if wrong:
        raise ChangedFileError(f"{folder}: not the recorded model: {', '.join(wrong)}; it is not loaded")
