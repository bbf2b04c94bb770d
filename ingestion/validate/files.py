"""Which files of a source a night would find, and which of them validation looks at."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingestion.manifest import Manifest
from sources import Source
from steps import StepError


@dataclass(frozen=True)
class Files:
    """A source's files up to the night.

    Args:
        names: below landing/, by delivery date.
        first, last: delivery dates; None where names hold none.
        landed: how many the lake has already.
    """

    names: tuple[str, ...]
    first: date | None = None
    last: date | None = None
    landed: int = 0

    def sampled(self, newest: int) -> list[str]:
        """The oldest and the newest ones."""
        return list(dict.fromkeys([*self.names[:1], *self.names[-newest:]]))


def files_of(source: Source, landing: Path, run_date: date, manifest: Manifest) -> Files:
    """A source's files in a landing folder.

    Raises:
        StepError: there is none, and none ever landed. SourceFileError: a name has no date where one should be.
    """
    names = [path.relative_to(landing).as_posix() for path in source.files_in(landing)]
    landed = {entry.file for entry in manifest.entries if entry.source == source.name}
    if not names and not landed:
        raise StepError(f"no file matches {source.files}")
    dated = sorted((date_, name) for name in names if (date_ := source.delivery_date(name) or run_date) <= run_date)
    has_dates = dated and "{date}" in source.files
    names = tuple(name for _, name in dated)
    return Files(names, *((dated[0][0], dated[-1][0]) if has_dates else (None, None)), landed=len(landed & set(names)))
