"""Change the key of the pseudonyms: all that was made with the old keys is mapped on with a new one, in one locked step.

    python -m ingestion.rekey shops/demo.yml shops/online_retail.yml     # of all shops; `make rotate-key` calls it

Every file is first written anew beside the old one. Up to the marker that says so (`is_prepared` in
data/key-rotation.json) nothing has changed, and the next call starts over. After it, the files, the line in secrets.env
and the manifests follow, and the next call goes on where this one was killed, with the same new key; until then nobody
else may write. The warehouses are removed: they are built anew from lake and predictions.
"""

import argparse
import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import rotation
import shop as shops
import warehouse
from faults import fault_point
from ingestion import rewriting
from ingestion.user_key import NO_KEY
from rotation import Rotation
from settings import HMAC_KEY, Settings, read_keys, read_secrets, sync, write_private
from shop import Shop
from steps import StepError

log = logging.getLogger("rekey")

SPARE = 1.2  # of the files' size: compression differs a little, and the machine needs some space too


def rekey(settings: Settings, all_shops: Sequence[Shop], new_key: bytes | None = None) -> str:
    """Change the key, or finish the change that was interrupted, and return the summary line.

    Args:
        all_shops: every shop that has a folder below `settings.data`, and better all that may get one.
        new_key: default: 32 random bytes. An interrupted change keeps its own.

    Raises:
        StepError: a lock is held, a shop is missing, the key cannot be changed here, or a file is not what it was.
    """
    started = time.monotonic()
    _refuse_key_of_environment(settings)
    _refuse_unknown_shops(settings, all_shops)
    with ExitStack() as locks:
        for shop in sorted(all_shops, key=lambda shop: shop.name):
            locks.enter_context(warehouse.lock(settings, shop, "rotate-key", changes_key=True))
        prepared = rotation.read(settings)
        goes_on = prepared is not None and prepared.is_prepared
        if not goes_on:
            prepared = _prepare(settings, [shop for shop in all_shops if has_data(settings, shop)], new_key or secrets.token_bytes(32))
        _roll_forward(settings, [shop for shop in all_shops if shop.name in prepared.old_builds], prepared)
    how = "finished the change that was interrupted" if goes_on else "changed the key"
    return f"rekey: {how}, of {', '.join(sorted(prepared.old_builds)) or 'no shop yet'}, {time.monotonic() - started:.1f} s"


def has_data(settings: Settings, shop: Shop) -> bool:
    return _has_data(settings.paths(shop.name).root)


def _has_data(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in ("lake", "quarantine", "predictions", "serving"))


def _refuse_key_of_environment(settings: Settings) -> None:
    if os.environ.get(HMAC_KEY):
        raise StepError(
            f"{HMAC_KEY} comes from the environment, where no command can change it. Make its value the line {HMAC_KEY}=… of "
            f"{settings.secrets_file} (mode 0600), unset the variable wherever nights run, and call this again; afterwards the "
            "new line may go back to where the environment is filled from"
        )


def _refuse_unknown_shops(settings: Settings, all_shops: Sequence[Shop]) -> None:
    known = {shop.name for shop in all_shops}
    unknown = sorted(folder.name for folder in settings.data.glob("*/") if folder.name not in known and _has_data(folder))
    if unknown:
        raise StepError(
            f"{settings.data} holds shops of which there is no shop file here: {', '.join(unknown)}. Their tables would keep the "
            "old key. Pass their shop files too, or remove the folders"
        )


def _prepare(settings: Settings, with_data: Sequence[Shop], new_key: bytes) -> Rotation:
    """Write all files anew beside the old ones, keep the new key, and set the marker."""
    keys = read_keys(read_secrets(settings.secrets_file).get(HMAC_KEY))
    if not keys:
        raise StepError(NO_KEY)
    rotation.refuse_beside(replace(settings, hmac_keys=keys))
    paths = [settings.paths(shop.name) for shop in with_data]
    for each in paths:
        rewriting.remove_leftovers(each)
    _refuse_without_space(settings, sum(map(rewriting.size, paths)))
    chain = (*keys, new_key)
    note = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "why": "the key was changed", "keys": rotation.fingerprint(chain)}
    with _connection(settings) as connection:
        for each in paths:
            log.info("%s: %d files written anew", each.root.name, rewriting.stage(connection, each, new_key, note))
    fault_point("rekey.staged")
    write_private(_next_key_file(settings), f"{HMAC_KEY}={_text(chain)}\n")
    fault_point("rekey.key_kept")
    builds = {each.root.name: sorted(build.name for build in each.serving.glob("builds/*/")) for each in paths}
    prepared = Rotation(rotation.fingerprint(chain), is_prepared=True, old_builds=builds)
    rotation.write(settings, prepared)
    fault_point("rekey.prepared")
    return prepared


def _refuse_without_space(settings: Settings, needed: int) -> None:
    free = shutil.disk_usage(settings.data).free
    if needed * SPARE > free:
        raise StepError(
            f"every file is written anew beside the old one: {needed * SPARE / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free"
        )


@contextmanager
def _connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB in memory, loading nothing from the network; what a killed one spilled goes first."""
    spill = settings.data / ".rekey-spill"
    config = {
        "memory_limit": settings.duckdb_memory,
        "threads": settings.threads,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    shutil.rmtree(spill, ignore_errors=True)
    with duckdb.connect(config=config) as connection:
        yield connection
    shutil.rmtree(spill, ignore_errors=True)


def _roll_forward(settings: Settings, with_data: Sequence[Shop], prepared: Rotation) -> None:
    """From the marker on: move the files, remove the warehouses, write the key, take the marker away. Each can be done again.

    The warehouses go before the key comes: so no step that has the new key can have read old pseudonyms from one.
    """
    paths = [settings.paths(shop.name) for shop in with_data]
    if rotation.fingerprint(read_keys(read_secrets(settings.secrets_file).get(HMAC_KEY))) != prepared.keys:
        for each in paths:
            rewriting.move(each)
        fault_point("rekey.moved")
        for shop in with_data:
            warehouse.remove(settings, shop)
            sync(settings.paths(shop.name).root)
        fault_point("rekey.warehouse_removed")
        _write_key(settings, prepared)
    fault_point("rekey.key_written")
    for each in paths:
        rewriting.remove_leftovers(each)
    _next_key_file(settings).unlink(missing_ok=True)
    fault_point("rekey.cleared_up")
    rotation.write(settings, replace(prepared, is_prepared=False))


def _write_key(settings: Settings, prepared: Rotation) -> None:
    """Put the new keys into secrets.env; its other lines stay as they are."""
    kept = read_secrets(_next_key_file(settings)).get(HMAC_KEY)
    if rotation.fingerprint(read_keys(kept)) != prepared.keys:
        raise StepError(f"{_next_key_file(settings)} does not hold the new key of the interrupted change: bring it back from a backup")
    lines = settings.secrets_file.read_text().splitlines()
    others = [line for line in lines if not line.strip().startswith(f"{HMAC_KEY}=")]
    write_private(settings.secrets_file, "\n".join([*others, f"{HMAC_KEY}={kept}", ""]))


def _text(keys: Sequence[bytes]) -> str:
    return ",".join(key.hex() for key in keys)


def _next_key_file(settings: Settings) -> Path:
    return settings.data / "next-key.env"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop_files", type=Path, nargs="+", help="the file of every shop below NIGHTCART_DATA")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        print(rekey(Settings.from_environment(), [shops.read(file) for file in options.shop_files]))
    except (StepError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
