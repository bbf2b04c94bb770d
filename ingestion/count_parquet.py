"""Counts the records of a Parquet file by its footer, read with another library than the one that reads the rows."""

from collections.abc import Iterator
from pathlib import Path

from ingestion.counting import Count, FileRefused


def count_parquet(path: Path) -> Count:
    """Count a Parquet file.

    Raises:
        FileRefused: its footer is broken or missing, as in a truncated file.
    """
    import pyarrow
    from pyarrow import parquet  # half a second to import, and most shops have no Parquet

    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            paths = tuple(path for field in schema for path in _paths(field.name, field.type))
            return Count(readable=path, columns=tuple(schema.names), records=file.metadata.num_rows, paths=paths)
    except (pyarrow.ArrowException, OSError) as error:
        raise FileRefused("is no whole Parquet file") from error


def _paths(name: str, type_) -> Iterator[str]:
    """The paths in a column of an Arrow type: 'items', 'items[]', 'items[].item_id'; 'tags.*' of a map."""
    from pyarrow import types

    yield name
    if types.is_struct(type_):
        for field in type_:
            yield from _paths(f"{name}.{field.name}", field.type)
    elif types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        yield from _paths(f"{name}[]", type_.value_type)
    elif types.is_map(type_):
        yield f"{name}.*"
