"""Lakes written row by row, for what the warehouse makes of them; a row names only the columns that matter."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingestion.lake import TABLES
from ingestion.standing import COLUMNS

TINY = {  # the shop file of such a lake; a test adds the keys that it is about
    "name": "tiny",
    "title": "Tiny",
    "timezone": "Europe/Berlin",
    "currency": "EUR",
    "sources": [
        {
            "name": "web",
            "format": "csv",
            "files": "{date}.csv",
            "event_type": {"default": "product_viewed"},
            "columns": {"event_at": "at", "user_id": "user"},
        }
    ],
}


def key(number: int) -> str:
    """A pseudonym that is easy to tell from others."""
    return f"00000000-0000-0000-0000-{number:012d}"


@dataclass
class LakeByHand:
    """A lake and its list of deliveries.

    Args:
        folder: `data/<shop>/lake`.

    Example:
        >>> lake = LakeByHand(tmp_path / "data" / "tiny" / "lake")
        >>> lake.deliver("events", "web-1", "2026-03-01", [{"visitor_key": key(1), "event_at": "2026-03-01 10:00:00+00"}])
    """

    folder: Path
    deliveries: list[tuple] = field(default_factory=list)

    def __post_init__(self) -> None:
        for table in TABLES:
            self._write_part(table, "schema", "1970-01-01", [])

    def deliver(
        self,
        table: str,
        name: str,
        landed_date: str,
        rows: list[dict],
        replaced_date: str | None = None,
        is_listed: bool = True,
        repeats: Sequence[dict] = (),
    ) -> None:
        """Write a file of the lake, and list it unless it is to be the rest of a killed landing; `repeats` name who they are held by."""
        common = {"source": "web", "landed_date": landed_date}
        rows = [common | {"event_id": f"{name}#{number}"} | row for number, row in enumerate(rows)]
        part = self._write_part(table, name, landed_date, rows)
        repeated = [self._write_part("repeats", name, landed_date, [common | row for row in repeats])] if repeats else []
        if is_listed:
            counts = (len(rows) + len(repeats), len(rows), 0, len(repeats), 0, len(rows) if table == "events" else 0)
            holders = sorted({row["held_by"] for row in repeats})
            self.deliveries.append((table, "web", f"{name}.csv", [part], landed_date, replaced_date, *counts, repeated, holders))
        self._write_deliveries()

    def _write_part(self, table: str, name: str, landed_date: str, rows: list[dict]) -> str:
        part = f"lake/{table}/landed_date={landed_date}/{name}.parquet"
        file = self.folder.parent / part
        file.parent.mkdir(parents=True, exist_ok=True)
        columns = TABLES[table]
        with duckdb.connect() as connection:
            connection.execute(f"create table part ({', '.join(f'{column} {kind}' for column, kind in columns.items())})")
            values = [tuple(row.get(column) for column in columns) for row in rows]
            if values:
                connection.executemany(f"insert into part values ({', '.join('?' * len(columns))})", values)
            connection.execute(f"copy part to '{file}' (format parquet)")
        return part

    def _write_deliveries(self) -> None:
        with duckdb.connect() as connection:
            connection.execute(f"create table deliveries ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
            if self.deliveries:
                connection.executemany(f"insert into deliveries values ({', '.join('?' * len(COLUMNS))})", self.deliveries)
            connection.execute(f"copy deliveries to '{self.folder / 'deliveries.parquet'}' (format parquet)")


def event(user: int | None, at: str, event_type: str = "product_viewed", device: int | None = None, **columns: object) -> dict:
    """An event of a user, or of a device where no user is named, at a time in UTC."""
    visitor = user if user is not None else device
    keys = {"visitor_key": key(visitor), "device_key": key(device) if user is not None and device is not None else None}
    return keys | {"event_type": event_type, "event_at": f"{at}+00", "item_id": "a"} | columns
