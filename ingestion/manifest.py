"""The lake's manifest: one JSON file per landed file, which is the record of its landing and makes it count."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """A Parquet file that a landing wrote; `path` is below the shop's folder."""

    path: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Entry:
    """What became of one landing file.

    Args:
        source, table, file: whose file it is, which table of the lake it fed, its path below landing/.
        sha256, bytes, modified_ns: its content, size and time of change when it landed.
        landed_date: the day it counts as delivered on.
        read: records found = landed + quarantined + duplicate + skipped.
        quarantined, skipped: records by reason.
        event_lines: rows in `part`; a record may give several.
        first_event_at, last_event_at: ISO 8601 in UTC; None without events.
        part, quarantine: what was written; `quarantine` is None where nothing was refused.
    """

    source: str
    table: str
    file: str
    sha256: str
    bytes: int
    modified_ns: int
    landed_date: date
    read: int
    landed: int
    quarantined: dict[str, int]
    duplicate: int
    skipped: dict[str, int]
    event_lines: int
    first_event_at: str | None
    last_event_at: str | None
    part: Part
    quarantine: Part | None

    @property
    def refused(self) -> int:
        return sum(self.quarantined.values())

    @property
    def parts(self) -> list[Part]:
        return [part for part in (self.part, self.quarantine) if part]

    @property
    def is_reconciled(self) -> bool:
        return self.read == self.landed + self.refused + self.duplicate + sum(self.skipped.values())


class Manifest:
    """Every landing recorded in a folder, and whether a file is one of them.

    Args:
        folder: `lake/manifest`; an absent folder is an empty manifest.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries = [_read(file) for file in sorted(folder.glob("landed_date=*/*.json"))]
        self._contents = {(entry.source, entry.sha256): entry.file for entry in self.entries}
        self._newest: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in sorted(self.entries, key=lambda entry: entry.landed_date):
            newest = self._newest[entry.source, entry.file]
            newest[:] = [other for other in newest if other.landed_date == entry.landed_date] + [entry]

    def file_with(self, source: str, sha256: str) -> str | None:
        """The name under which a source's content landed."""
        return self._contents.get((source, sha256))

    def is_newest(self, source: str, file: str, sha256: str) -> bool:
        """Whether the newest landing under a name had this content."""
        return any(entry.sha256 == sha256 for entry in self._newest.get((source, file), ()))

    def digest(self, source: str, file: str, path: Path) -> str:
        """The sha256 of a file; of one whose size and time of change are those of its landing, the recorded one."""
        state = path.stat()
        for entry in self._newest.get((source, file), ()):
            if (entry.bytes, entry.modified_ns) == (state.st_size, state.st_mtime_ns):
                return entry.sha256
        return sha256(path)

    def add(self, entries: Iterable[Entry]) -> None:
        """Record landings, each atomically: from here on they count."""
        for entry in entries:
            file = self.folder / f"landed_date={entry.landed_date}" / f"{entry.source}-{entry.sha256[:16]}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(".tmp")
            temporary.write_text(json.dumps(asdict(entry), default=str, indent=1))
            temporary.replace(file)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(file: Path) -> Entry:
    content = json.loads(file.read_text())
    parts = {name: Part(**content[name]) if content[name] else None for name in ("part", "quarantine")}
    return Entry(**content | parts | {"landed_date": date.fromisoformat(content["landed_date"])})
