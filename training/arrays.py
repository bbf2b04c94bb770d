"""Plain arrays on disk, and the hashes that they are checked by before they are read: no pickle anywhere."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


class ChangedFileError(RuntimeError):
    """A stored model is not the one that was recorded."""


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


def hashes(folder: Path) -> dict[str, str]:
    """The sha256 of each file below a folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check(folder: Path, recorded: dict[str, str]) -> None:
    """Make sure that a folder holds exactly the recorded files.

    Raises:
        ChangedFileError: a file differs, is missing or is one too many; each is named.
    """
    found = hashes(folder)
    wrong = sorted(name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name))
    if wrong:
        raise ChangedFileError(f"{folder}: not the recorded model: {', '.join(wrong)}; it is not loaded")
