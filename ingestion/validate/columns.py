"""What is mapped to what: each canonical field of a source with its origin and an example, and the columns that nothing maps."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from ingestion.mapping import Mapping
from ingestion.privacy import Names, without_private_text
from ingestion.samples import Sample
from ingestion.validate.rehearsal import Rehearsed
from shop import Shop
from sources import EVENT_TYPES, FIELDS_BY_KIND, Column, Source

OF_A_PERSON = ("user_id", "anonymous_id", "other_user_id", "session_id")
_NOT_SHOWN = "(not shown)"
_MOST_EVENT_TYPES = 100


@dataclass(frozen=True)
class MappedField:
    """A canonical field.

    Args:
        field, origin: its name, and the column, path or constant that it comes from.
        filled_share: of the sampled rows, those that have it; None where no row landed.
        example: a value as the lake holds it.
    """

    field: str
    origin: str
    filled_share: float | None
    example: str | None


def mapped_fields(source: Source, files: Sequence[Rehearsed]) -> list[MappedField]:
    """The canonical fields that a source fills, in the order of the docs, then its traits."""
    kind = FIELDS_BY_KIND[source.kind]
    names = [name for name in (*kind["required"], *kind["optional"]) if name in source.columns]
    fields = [_mapped_field(name, source.columns[name], source, files) for name in names]
    return fields + [
        MappedField(f"trait {name}", path, _sample_share(source, (path,), files), None) for name, path in source.traits.items()
    ]


def _mapped_field(name: str, column: Column, source: Source, files: Sequence[Rehearsed]) -> MappedField:
    if name in OF_A_PERSON:
        return MappedField(name, _origin(column), _sample_share(source, column.from_, files), _NOT_SHOWN)
    rows = sum(file.rows for file in files)
    filled = sum(file.filled.get(name, 0) for file in files)
    example = next((text for file in files if (text := file.examples.get(name))), None)
    return MappedField(name, _origin(column), filled / rows if rows else None, example)


def _origin(column: Column) -> str:
    if column.value is not None:
        return f"always {column.value}"
    return ", else ".join([*(f"line {path}" for path in column.line), *column.from_])


def _sample_share(source: Source, paths: Sequence[str], files: Sequence[Rehearsed]) -> float | None:
    samples = [file.sample for file in files if file.sample]
    records = sum(sample.records for sample in samples)
    if not records or any("[" in path for path in paths):
        return None
    if source.format == "csv" and not any(path in sample.columns for path in paths for sample in samples):
        return None  # within a column that holds JSON
    return sum(_filled(sample, paths) for sample in samples) / records


def _filled(sample: Sample, paths: Sequence[str]) -> int:
    columns = [sample.columns[path] for path in paths if path in sample.columns]
    return sum(any(values) for values in zip(*columns, strict=True)) if columns else 0


@dataclass(frozen=True)
class Unmapped:
    """Columns that the files have and the shop file does not name, and the other way round.

    Args:
        ignored: nothing maps them; what lies below one key of nested records is one entry, `context.…`.
        private: of these, the ones that look private: they are dropped, and never kept in quarantine.
        absent: the shop file names them, and no sampled file has them.
    """

    ignored: tuple[str, ...]
    private: tuple[str, ...]
    absent: tuple[str, ...]


def unmapped_columns(shop: Shop, source: Source, files: Sequence[Rehearsed]) -> Unmapped:
    """What a source's sampled files and its mapping do not have in common."""
    mapping = Mapping(source, shop.timezone)
    named = list(_named(source, mapping))
    mapped = {_plain(path) for path in named}
    found = _found(source, mapped, [file.sample for file in files if file.sample])
    lists = tuple(f"{path.split('[')[0]}." for path in named if "[" in path)  # one element is meant, by its key: the rest is part of it
    is_csv = source.format == "csv"  # in which a path may go on within a column that holds JSON
    ignored = [
        path
        for path in found
        if not path.startswith(lists) and not any(_covers(name, path) or (is_csv and _covers(path, name)) for name in mapped)
    ]
    names = Names(shop.privacy, source.kind == "items")
    private = tuple(path for path in ignored if names.is_private(path))
    plain = [path for path in ignored if path not in private]
    heads = set() if is_csv else {name.split(".")[0] for name in mapped}
    groups = [path if is_csv else _group(path, heads) for path in plain]
    absent = tuple(
        path
        for path in named
        if found and not any(_covers(_plain(path), name) or (is_csv and _covers(name, _plain(path))) for name in found)
    )
    return Unmapped(tuple(dict.fromkeys(groups)), private, absent)


def _found(source: Source, mapped: set[str], samples: Sequence[Sample]) -> dict[str, None]:
    """The columns and paths of samples; of a CSV whose first line names nothing that is mapped, none: it may be a record."""
    heads = {name.split(".")[0] for name in mapped} | mapped
    known = [sample for sample in samples if source.format != "csv" or heads.intersection(sample.columns)]
    return {_plain(path): None for sample in known for path in sample.paths}


def _named(source: Source, mapping: Mapping) -> Iterator[str]:
    yield from mapping.record_paths
    yield from (f"{source.lines}.{path}" for path in mapping.line_paths)


def _plain(path: str) -> str:
    """A path without what is in brackets."""
    return re.sub(r"\[[^\]]*\]", "", path)


def _covers(name: str, path: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def _group(path: str, mapped_heads: set[str]) -> str:
    head, dot, _ = path.partition(".")
    return f"{head}.…" if dot and head not in mapped_heads else path


def unmapped_event_types(source: Source, files: Sequence[Rehearsed]) -> dict[str, int]:
    """The values of the event type column that no map names, with how many records have them; of too many, none is shown."""
    if source.event_type is None or source.event_type.from_ is None:
        return {}
    known = source.event_type.map or EVENT_TYPES
    columns = [file.sample.columns.get(source.event_type.from_, []) for file in files if file.sample]
    counts = Counter(value for values in columns for value in values if value and value not in known)
    if len(counts) > _MOST_EVENT_TYPES:  # most likely it is another column, with somebody's ids in it
        return {f"({len(counts)} different values: is it the right column?)": counts.total()}
    with duckdb.connect() as connection:
        shown = f"select {without_private_text('$value')}"
        return {connection.execute(shown, {"value": value}).fetchone()[0]: count for value, count in counts.most_common()}
