"""A step that writes looks first whether the disk has room for what it will write: running full in mid-step costs the hours until then."""

from pathlib import Path

import steps
from shortages import free_bytes

LEAST = 50_000_000  # of any step: its log and notes, MLflow's records and models


def require(step: str, folder: Path, estimate: float = 0) -> None:
    """Raise StepError unless the disk of `folder` has room for an estimate in bytes; nothing has been written then."""
    needed, free = LEAST + estimate, free_bytes(folder)
    if free < needed:
        raise steps.StepError(
            f"too little room for {step}: about {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free in {folder}; "
            "nothing was written. Make room there, or move the data to a larger disk (NIGHTCART_DATA)"
        )


def size(*places: Path) -> int:
    """The bytes of files and of all files in folders; what is absent has none."""
    found = (file for place in places for file in (place.rglob("*") if place.is_dir() else [place]))
    return sum(file.stat().st_size for file in found if file.is_file())
