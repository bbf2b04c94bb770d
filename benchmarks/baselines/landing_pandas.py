"""What benchmarks.landing lands, by pandas: the same checks, pseudonyms and ids, in chunks that fit into memory.

python -m benchmarks.baselines.landing_pandas events.csv folder Europe/Berlin

Prints how many records landed. It counts no records by itself and orders nothing; it is written as pandas' users would.
"""

import hashlib
import hmac
import sys
from pathlib import Path
from uuid import UUID

import pandas as pd

KEY = bytes(32)
CHUNK_ROWS = 1_000_000
TYPES = {"view": "product_viewed", "cart": "product_added", "purchase": "order_completed"}


def pseudonym(raw_id: str) -> str:
    return str(UUID(bytes=hmac.digest(KEY, f"user:bench:{raw_id}".encode(), "sha256")[:16]))


def checked(chunk: pd.DataFrame, zone: str) -> pd.DataFrame:
    """The sound rows of a chunk of texts, typed."""
    texts = chunk.apply(lambda column: column.str.strip())
    event_at = pd.to_datetime(texts["event_time"], errors="coerce").dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    price = pd.to_numeric(texts["price"], errors="coerce")
    sound = pd.DataFrame(
        {
            "event_type": texts["event_type"].map(TYPES), "event_at": event_at, "session_id": texts["user_session"],
            "item_id": texts["product_id"], "price": price, "user_id": texts["user_id"],
        }
    )  # fmt: skip
    if "event_id" in texts:
        sound["event_id"] = texts["event_id"]
    first, latest = pd.Timestamp("2000-01-01", tz=zone), pd.Timestamp("2026-01-03", tz=zone)
    is_number = price.notna() | texts["price"].isna()
    is_sound = sound["event_type"].notna() & (event_at >= first) & (event_at < latest) & sound["user_id"].notna() & sound["item_id"].notna()
    is_sound &= is_number & ~(price < 0) & ~(price > 1_000_000)
    for name in ("user_id", "session_id", "item_id"):
        is_sound &= sound[name].isna() | (sound[name].str.len() <= 256) & ~sound[name].str.contains(r"[\x00-\x1f]", na=False)
    return sound[is_sound]


def with_ids(sound: pd.DataFrame, keys: dict[str, str]) -> pd.DataFrame:
    """With pseudonyms and event ids."""
    for raw_id in sound["user_id"].unique():
        if raw_id not in keys:
            keys[raw_id] = pseudonym(raw_id)
    sound["visitor_key"] = sound["user_id"].map(keys)
    if "event_id" not in sound:
        columns = ("visitor_key", "event_at", "event_type", "session_id", "item_id", "price")
        contents = zip(*(sound[name].astype(str) for name in columns), strict=True)
        sound["event_id"] = [hashlib.md5("\x1f".join(content).encode()).hexdigest()[:24] for content in contents]
        occurrence = sound.groupby("event_id").cumcount()
        sound["event_id"] = sound["event_id"].where(occurrence == 0, sound["event_id"] + "-" + (occurrence + 1).astype(str))
    return sound.drop(columns="user_id")


def main() -> None:
    path, folder, zone = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    folder.mkdir(exist_ok=True)
    keys: dict[str, str] = {}
    seen: set[str] = set()
    landed = 0
    for number, chunk in enumerate(pd.read_csv(path, dtype=str, chunksize=CHUNK_ROWS)):
        rows = with_ids(checked(chunk, zone), keys)
        rows = rows[~rows["event_id"].isin(seen)].drop_duplicates("event_id")
        seen.update(rows["event_id"])
        rows.to_parquet(folder / f"{number}.parquet", compression="zstd", index=False)
        landed += len(rows)
    print(landed)


if __name__ == "__main__":
    main()
