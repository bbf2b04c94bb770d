"""The lake's manifest: one JSON file per landed file, which is the record of its landing and makes it count."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from faults import fault_point

_BLOCK_BYTES = 16 << 20  # large: between blocks, a digest that is computed beside other work waits for its turn


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
        is_dated: its name holds that day, so that a new content under it replaces the old one.
        revision: 1, or the how manieth content that came under this name; no other of its date and content has it.
        day: the day that it describes, which a newer delivery of that day replaces; None where files say nothing of it.
        columns: what its header, schema or first objects name, in alphabetical order.
        read: records found = landed + quarantined + duplicate + skipped.
        quarantined, skipped: records by reason.
        event_lines: rows in `parts`, of events; a record may give several.
        first_event_at, last_event_at: ISO 8601 in UTC; None without events.
        parts: what was written to the lake, in the order of the records; one part, though empty, at least.
        quarantine: None where nothing was refused.
        repeats: what was written of its events that another delivery held, and may cease to hold; none without such events.
        holders: those deliveries, each by the path of its first part.
    """

    source: str
    table: str
    file: str
    sha256: str
    bytes: int
    modified_ns: int
    landed_date: date
    is_dated: bool
    revision: int
    day: date | None
    columns: tuple[str, ...]
    read: int
    landed: int
    quarantined: dict[str, int]
    duplicate: int
    skipped: dict[str, int]
    event_lines: int
    first_event_at: str | None
    last_event_at: str | None
    parts: tuple[Part, ...]
    quarantine: Part | None
    repeats: tuple[Part, ...] = ()
    holders: tuple[str, ...] = ()

    @property
    def refused(self) -> int:
        return sum(self.quarantined.values())

    @property
    def written(self) -> list[Part]:
        return [*self.kept, *([self.quarantine] if self.quarantine else [])]

    @property
    def kept(self) -> list[Part]:
        """What the lake has of it."""
        return [*self.parts, *self.repeats]

    @property
    def name(self) -> str:
        """What the files that are written of it are called."""
        return file_name(self.source, self.sha256, self.day, self.revision)

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
        self.entries: list[Entry] = []
        self._by_name: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        entries = [_read(file) for file in sorted(folder.glob("landed_date=*/*.json"))]
        for entry in sorted(entries, key=lambda entry: (entry.landed_date, entry.source, entry.file, entry.revision)):
            self._take(entry)

    def newest(self, source: str, file: str) -> Entry | None:
        """The last landing under a name."""
        return self._by_name[source, file][-1] if (source, file) in self._by_name else None

    def of_source(self, source: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.source == source]

    def digest(self, source: str, file: str, path: Path) -> str:
        """The sha256 of a file; of one whose size and time of change are those of its landing, the recorded one."""
        state, newest = path.stat(), self.newest(source, file)
        if newest and (newest.bytes, newest.modified_ns) == (state.st_size, state.st_mtime_ns):
            return newest.sha256
        return sha256(path)

    def add(self, entries: Iterable[Entry]) -> None:
        """Record landings, each atomically: from here on they count."""
        for entry in entries:
            file = self.record(entry)
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(".tmp")
            temporary.write_text(json.dumps(asdict(entry), default=str, indent=1))
            fault_point("land.record_written")
            temporary.replace(file)
            self._take(entry)

    def record(self, entry: Entry) -> Path:
        """The file that records a landing."""
        return self.folder / f"landed_date={entry.landed_date}" / f"{entry.name}.json"

    def _take(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._by_name[entry.source, entry.file].append(entry)


def file_name(source: str, sha256: str, day: date | None, revision: int) -> str:
    """The name, without ending, of what is written of a landing file; a content that comes back under a name gets another."""
    return f"{source}-{sha256[:16]}" + (f"-of-{day}" if day else "") + (f"-r{revision}" if revision > 1 else "")


def sha256(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            hashed.update(block)
    return hashed.hexdigest()


def _read(file: Path) -> Entry:
    content = json.loads(file.read_text())
    dates = {name: date.fromisoformat(content[name]) if content[name] else None for name in ("landed_date", "day")}
    return Entry(
        **content
        | dates
        | {
            "columns": tuple(content["columns"]),
            "parts": tuple(Part(**part) for part in content["parts"]),
            "repeats": tuple(Part(**part) for part in content.get("repeats", ())),  # records of earlier versions have none
            "holders": tuple(content.get("holders", ())),
            "quarantine": Part(**content["quarantine"]) if content["quarantine"] else None,
        }
    )
