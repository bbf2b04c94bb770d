"""Counts the records of a Parquet file by its footer, read with another library than the one that reads the rows."""

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
            return Count(readable=path, columns=tuple(file.schema_arrow.names), records=file.metadata.num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise FileRefused("is no whole Parquet file") from error
