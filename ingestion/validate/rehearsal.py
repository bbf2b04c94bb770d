"""Lands the heads of a source's files in a throwaway folder, by the same code as a night, and reads back what came of them.

So validation cannot disagree with the night. Each file is landed alone: one that cannot be read hides no other.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from ingestion.heads import UNREADABLE, form_of, write_head
from ingestion.land import land
from ingestion.manifest import Entry, Manifest
from ingestion.privacy import without_private_text
from ingestion.samples import Sample, read_sample
from ingestion.sql import literal
from settings import Settings, ShopPaths
from shop import Shop
from sources import Source
from steps import StepError

EXAMPLES = 3  # of each reason, per file


@dataclass(frozen=True)
class Refused:
    """A record that quarantine would take, as it would keep it."""

    file: str
    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Rehearsed:
    """What came of one file's head.

    Args:
        file: its path below landing/.
        is_whole: the head is the whole file.
        fault: why it cannot be landed; then there is nothing else.
        entry: what the manifest would say of it.
        rows: in the lake.
        filled, examples: of each column of the lake, how many rows have it, and a value without what is private in texts.
        event_types: rows by event type.
        refused: a few records of each reason.
        sample: the records as columns.
    """

    file: str
    is_whole: bool
    fault: str | None = None
    entry: Entry | None = None
    rows: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    event_types: dict[str, int] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    sample: Sample | None = None


def rehearse(settings: Settings, shop: Shop, source: Source, file: str, run_date: date, records: int) -> Rehearsed:
    """Land the first `records` records of a file of landing/ where nobody looks; the key is thrown away with them."""
    with TemporaryDirectory(prefix="nightcart-validate-") as folder:  # 0700: it holds raw ids
        landing = Path(folder) / "landing"
        is_whole = write_head(form_of(source), shop.landing_folder(settings) / file, landing / file, records)
        throwaway = replace(
            settings, data=Path(folder) / "data", hmac_keys=(secrets.token_bytes(32),), landing_overrides=((shop.name, landing),)
        )
        alone = shop.model_copy(update={"sources": (source,), "checks": shop.checks.model_copy(update={"max_refused_share": 1.0})})
        rehearsed = Rehearsed(file, is_whole, sample=_sample(source, landing / file, records))
        try:
            land(throwaway, alone, run_date)
        except StepError as error:
            return replace(rehearsed, fault=_of_the_file(str(error).replace(f"{folder}/", "")))
        return _read_back(throwaway.paths(shop.name), shop, source, rehearsed)


def _of_the_file(fault: str) -> str:
    """A fault without its headline, where it has one over a list of files: here it is of one file."""
    headline, *files = fault.splitlines()
    return "; ".join(line.strip() for line in files) or headline


def _sample(source: Source, head: Path, records: int) -> Sample | None:
    try:
        return read_sample(form_of(source), head, records, source.column_names)
    except (*UNREADABLE, ValueError):  # the landing has said so
        return None


def _read_back(paths: ShopPaths, shop: Shop, source: Source, rehearsed: Rehearsed) -> Rehearsed:
    with duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}) as connection:
        connection.execute(f"set timezone = {literal(shop.timezone)}")
        table = f"read_parquet({literal(f'{paths.lake}/{source.kind}/*/*.parquet')}, hive_partitioning = true)"
        example = without_private_text("any_value(columns(*)::varchar)")
        types = "select event_type, count(*) from {} group by all order by count(*) desc, event_type"
        return replace(
            rehearsed,
            entry=Manifest(paths.lake / "manifest").entries[0],
            rows=connection.execute(f"select count(*) from {table}").fetchone()[0],
            filled=_row(connection, f"select count(columns(*)) from {table}"),
            examples=_row(connection, f"select {example} from {table}"),
            event_types=dict(connection.execute(types.format(table)).fetchall()) if source.kind == "events" else {},
            refused=tuple(_refused(connection, paths)),
        )


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> dict:
    found = connection.execute(query)
    return dict(zip((column[0] for column in found.description), found.fetchone(), strict=True))


def _refused(connection: duckdb.DuckDBPyConnection, paths: ShopPaths) -> Iterator[Refused]:
    if any(paths.quarantine.glob("*/*.parquet")):
        files = literal(f"{paths.quarantine}/*/*.parquet")
        query = (
            f"select file, line, reason, raw from read_parquet({files}) "
            f"qualify row_number() over (partition by reason order by line) <= {EXAMPLES} order by reason, line"
        )
        yield from (Refused(*row) for row in connection.execute(query).fetchall())
