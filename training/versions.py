"""The recipes that were promoted, and their copy on disk, which says who is champion while MLflow is away."""

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from settings import write_private
from training.recipes import Recipe


@dataclass(frozen=True)
class Version:
    """A recipe that was promoted, as the registry holds it.

    Args:
        number: the version, from 1.
        recipe: what is refitted every night that this version is champion.
        run_date: the night that promoted it.
        replaces: the version that was champion before that night; None for a first one.
        run_id: the fit that won.
    """

    number: int
    recipe: Recipe
    run_date: date
    replaces: int | None
    run_id: str


def write(file: Path, versions: dict[int, Version], champion: int | None) -> None:
    """Copy what the registry holds; seen whole or not at all."""
    content = {"champion": champion, "versions": [asdict(version) for version in versions.values()]}
    text = json.dumps(content, default=date.isoformat, indent=1) + "\n"
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, text)


def read(file: Path) -> tuple[dict[int, Version], int | None]:
    """The versions by number and the champion's, as they were last copied; none where they never were."""
    if not file.exists():
        return {}, None
    content = json.loads(file.read_text())
    versions = [
        Version(**{**each, "recipe": Recipe(**each["recipe"]), "run_date": date.fromisoformat(each["run_date"])})
        for each in content["versions"]
    ]
    return {version.number: version for version in versions}, content["champion"]
