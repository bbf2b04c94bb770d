"""Writes what landing will write beside the lake's files, `lake/deliveries.parquet` and a schema file of links, from its manifest."""

import json
from pathlib import Path

import duckdb

COLUMNS = {
    "kind": "varchar", "source": "varchar", "file": "varchar", "part": "varchar", "landed_date": "date", "replaced_date": "date",
    "read_count": "bigint", "landed_count": "bigint", "quarantined_count": "bigint", "duplicate_count": "bigint",
    "skipped_count": "bigint", "event_line_count": "bigint",
}  # fmt: skip
LINKS = {
    "visitor_key": "uuid", "linked_key": "uuid", "is_device": "boolean", "linked_at": "timestamptz", "source": "varchar",
    "landed_date": "date",
}  # fmt: skip


def write_from_manifest(lake: Path) -> None:
    """List every landing that the manifest records as one that stands."""
    entries = [json.loads(file.read_text()) for file in sorted((lake / "manifest").glob("landed_date=*/*.json"))]
    write(
        lake,
        [
            (
                entry["table"], entry["source"], entry["file"], entry["part"]["path"], entry["landed_date"], None, entry["read"],
                entry["landed"], sum(entry["quarantined"].values()), entry["duplicate"], sum(entry["skipped"].values()),
                entry["event_lines"],
            )
            for entry in entries
        ],
    )  # fmt: skip
    schema = lake / "links" / "landed_date=1970-01-01" / "schema.parquet"
    schema.parent.mkdir(parents=True, exist_ok=True)
    typed = ", ".join(f"null::{kind} as {name}" for name, kind in LINKS.items())
    duckdb.sql(f"select {typed} limit 0").write_parquet(str(schema))


def write(lake: Path, rows: list[tuple]) -> None:
    """Write the list of deliveries, in the order of COLUMNS."""
    with duckdb.connect() as connection:
        connection.execute(f"create table deliveries ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        if rows:
            connection.executemany(f"insert into deliveries values ({', '.join('?' * len(COLUMNS))})", rows)
        connection.execute(f"copy deliveries to '{lake / 'deliveries.parquet'}' (format parquet)")
