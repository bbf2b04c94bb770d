"""A shop's files written anew with the next key, beside the old ones, and moved into their place.

Whatever holds a pseudonym is written to `data/<shop>/.rekey/`, laid out as the shop's folder is: Parquet of the lake, of
quarantine and of the predictions, and the manifests that record their hashes. A file that has moved is gone from there,
so nothing is mapped on twice however often the move is begun.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from faults import fault_point
from ingestion.manifest import sha256
from ingestion.pseudonyms import mapped_on, mapped_on_in_text, parameters
from ingestion.sql import identifier, literal
from settings import ShopPaths, sync
from steps import StepError

TEXTS = ("raw", "traits")  # columns in whose texts pseudonyms stand: of quarantine, of users
LOG = "lake/manifest/rewrites.jsonl"


def staging(paths: ShopPaths) -> Path:
    return paths.root / ".rekey"


def size(paths: ShopPaths) -> int:
    """Bytes of what may have to be written anew."""
    return sum(file.stat().st_size for file in _parquet_files(paths))


def remove_leftovers(paths: ShopPaths) -> None:
    """Remove what killed landings, scorings and earlier attempts left; the caller holds the shop's lock."""
    for folder in (*paths.lake.glob(".staging-*"), *paths.predictions.glob(".run_date=*"), staging(paths)):
        if folder.exists():
            shutil.rmtree(folder)


def stage(connection: duckdb.DuckDBPyConnection, paths: ShopPaths, key: bytes, note: dict[str, Any]) -> int:
    """Write every file that holds pseudonyms anew into `staging`, on the disk when this returns; how many those were.

    Args:
        note: what the lake's manifest is to keep of this rewrite.

    Raises:
        StepError: a file is not what its manifest records; with a new hash nobody would ever know.
    """
    staging(paths).mkdir(mode=0o700)
    recorded = _recorded(paths)
    hashes = {}
    for file in _parquet_files(paths):
        name = file.relative_to(paths.root).as_posix()
        before = sha256(file)
        if recorded.pop(name, before) != before:
            raise StepError(f"{file} is not the file that {paths.lake / 'manifest'} records: bring it back; nothing was changed")
        if _copy(connection, file, staging(paths) / name, key):
            hashes[before] = sha256(staging(paths) / name)
            fault_point("rekey.file_staged")
    if recorded:
        raise StepError(
            f"{paths.root / min(recorded)} is gone, though {paths.lake / 'manifest'} records it: bring it back; nothing was changed"
        )
    _stage_manifests(paths, hashes)
    _stage_log(paths, note | {"files": len(hashes)})
    for path in (*staging(paths).rglob("*"), staging(paths), paths.root):
        sync(path)
    return len(hashes)


def move(paths: ShopPaths) -> None:
    """Move what is staged into place; begun again after a kill, it goes on where it was.

    Raises:
        StepError: there is no staging, though it stays until all is done.
    """
    if not staging(paths).exists():
        raise StepError(f"{staging(paths)} is gone in the middle of a change of the key: bring {paths.root} back from a backup")
    for staged in sorted(path for path in staging(paths).rglob("*") if path.is_file()):
        staged.replace(paths.root / staged.relative_to(staging(paths)))
        fault_point("rekey.file_moved")
    for folder in staging(paths).rglob("*/"):
        sync(paths.root / folder.relative_to(staging(paths)))


def _parquet_files(paths: ShopPaths) -> list[Path]:
    return sorted(file for folder in (paths.lake, paths.quarantine, paths.predictions) for file in folder.rglob("*.parquet"))


def _copy(connection: duckdb.DuckDBPyConnection, file: Path, staged: Path, key: bytes) -> bool:
    """Write a file's rows, in their order, with its pseudonyms mapped on; False where it can hold none."""
    rows = f"select * from read_parquet({literal(str(file))}, hive_partitioning = false)"
    columns = connection.execute(f"describe {rows}").fetchall()
    # a UUID in the lake or in predictions is always somebody's pseudonym
    anew = {name: mapped_on(identifier(name)) for name, type_, *_ in columns if type_ == "UUID"}
    anew |= {name: mapped_on_in_text(identifier(name)) for name, *_ in columns if name in TEXTS}
    if not anew:
        return False
    staged.parent.mkdir(parents=True, exist_ok=True)
    replaced = ", ".join(f"{expression} as {identifier(name)}" for name, expression in anew.items())
    query = rows.replace("*", f"* replace ({replaced})", 1)
    connection.execute(f"copy ({query}) to {literal(str(staged))} (format parquet, compression zstd)", parameters([key]))
    shutil.copymode(file, staged)
    return True


def _recorded(paths: ShopPaths) -> dict[str, str]:
    """The hash of each file that the lake's manifest records, by its path below the shop's folder."""
    contents = (json.loads(file.read_text()) for file in paths.lake.glob("manifest/landed_date=*/*.json"))
    return {part["path"]: part["sha256"] for content in contents for part in _parts(content)}


def _parts(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict) and {"path", "sha256"} <= content.keys():
        yield content
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _parts(value)


def _stage_manifests(paths: ShopPaths, hashes: dict[str, str]) -> None:
    """The manifests of lake and predictions, old hashes replaced by new ones wherever they stand."""
    for file in (*paths.lake.glob("manifest/landed_date=*/*.json"), *paths.predictions.glob("run_date=*/manifest.json")):
        before = file.read_text()
        after = re.sub("[0-9a-f]{64}", lambda found: hashes.get(found[0], found[0]), before)
        if after != before:
            _write(staging(paths) / file.relative_to(paths.root), after, like=file)


def _stage_log(paths: ShopPaths, note: dict[str, Any]) -> None:
    log = paths.root / LOG
    if log.parent.exists():
        before = log.read_text() if log.exists() else ""
        _write(staging(paths) / LOG, before + json.dumps(note) + "\n", like=log if log.exists() else None)


def _write(file: Path, text: str, like: Path | None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    if like:
        shutil.copymode(like, file)
