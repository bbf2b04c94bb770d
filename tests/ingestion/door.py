"""A small shop at the door: files are delivered to its landing folder, nights land them, and its lake is read back."""

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from ingestion.lake import TABLES
from ingestion.land import BATCH_BYTES, land
from ingestion.manifest import Entry, Manifest
from settings import Settings, ShopPaths
from shop import Shop

KEY = bytes(range(32))
WEB = {
    "name": "web",
    "format": "json_lines",
    "files": "events/{date}.jsonl",
    "lines": "lines",
    "event_type": {"from": "event", "map": {"view": "product_viewed", "search": "product_searched", "order": "order_completed"}},
    "columns": {
        "event_id": "id",
        "user_id": "user",
        "anonymous_id": "device",
        "event_at": "at",
        "item_id": {"from": "item", "line": "item"},
        "quantity": {"from": "quantity", "line": "quantity"},
        "price": {"from": "price", "line": "price"},
        "currency": "currency",
        "order_id": "order",
        "rating": "rating",
        "query": "query",
        "position": "position",
        "consent_personalization": "consent.personalization",
    },
}
TILL = {
    "name": "till",
    "format": "csv",
    "files": "till/{date}.csv",
    "event_type": {"default": "order_completed"},
    "columns": {
        "user_id": "customer",
        "event_at": "time",
        "order_id": "order",
        "item_id": "item",
        "quantity": "quantity",
        "price": "price",
    },
}
TILL_HEADER = "order,item,quantity,price,time,customer"


@dataclass
class Door:
    """One shop, its landing folder and its lake, in a folder of its own."""

    settings: Settings
    shop: Shop

    @property
    def landing(self) -> Path:
        return self.paths.landing

    @property
    def paths(self) -> ShopPaths:
        return self.settings.paths(self.shop.name)

    @property
    def entries(self) -> list[Entry]:
        return Manifest(self.paths.lake / "manifest").entries

    def deliver(self, name: str, content: str | bytes | list) -> Path:
        """Put a file into landing: bytes, text, or a list of JSON records."""
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(record) + "\n" for record in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def land(self, run_date: str = "2026-01-31", batch_bytes: int = BATCH_BYTES) -> str:
        return land(self.settings, self.shop, date.fromisoformat(run_date), batch_bytes=batch_bytes)

    def query(self, sql: str, as_of: str = "9999-01-01") -> list[tuple]:
        """Rows of a query, in UTC, over the lake's tables, of what stands on a day, `quarantine` and `deliveries`.

        `counted` are the events and those repeats whose holder does not stand, each event once.
        """
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(f"create view deliveries as from '{self.paths.lake}/deliveries.parquet'")
            standing = f"landed_date <= date '{as_of}' and (replaced_date is null or replaced_date > date '{as_of}')"
            connection.execute(f"create view standing as from deliveries where {standing}")
            for table in TABLES:
                files = f"{self.paths.lake}/{table}/*/*.parquet"
                parts = f"select '{self.paths.root}/' || unnest({'repeats' if table == 'repeats' else 'parts'}) from standing"
                connection.execute(
                    f"create view {table} as select * exclude (filename) "
                    f"from read_parquet('{files}', hive_partitioning = true, filename = true) where filename in ({parts})"
                )
            connection.execute("""
                create view counted as
                from events
                union all
                select * exclude (held_by) from repeats
                where held_by not in (select unnest(parts) from standing) and event_id not in (select event_id from events)
                qualify row_number() over (partition by event_id order by landed_date) = 1""")
            refused = "(select null as file, null as line, null as reason) where false"
            if any(self.paths.quarantine.glob("*/*.parquet")):
                refused = f"read_parquet('{self.paths.quarantine}/*/*.parquet')"
            connection.execute(f"create view quarantine as select * from {refused}")
            return connection.execute(sql).fetchall()

    def reasons(self) -> list[tuple[int, str]]:
        """(line, reason) of what is in quarantine."""
        return self.query("select line, reason from quarantine order by file, line")

    def files(self) -> dict[str, bytes]:
        """Every Parquet file under the shop's folder, by path."""
        return {path.relative_to(self.paths.root).as_posix(): path.read_bytes() for path in sorted(self.paths.root.rglob("*.parquet"))}


def new_door(folder: Path, *sources: dict, name: str = "tiny", timezone: str = "Europe/Berlin", **checks) -> Door:
    """A door below `folder` for sources, as a shop file gives them, and checks."""
    identity = {"name": name, "title": "Tiny", "namespace": "tiny", "timezone": timezone, "currency": "EUR"}
    shop = Shop.model_validate(identity | {"sources": list(sources), "checks": checks})
    settings = replace(Settings.from_environment({"NIGHTCART_DATA": str(folder / name)}), hmac_keys=(KEY,))
    door = Door(settings, shop)
    door.landing.mkdir(parents=True)
    return door


def view(number: int = 1, **changes) -> dict:
    """A sound record of the web source; `changes` replace or add keys, None removes them."""
    record = {"id": f"e{number}", "event": "view", "user": "anna.user", "at": "2026-01-05T10:00:00Z", "item": "i1"} | changes
    return {key: value for key, value in record.items() if value is not None}


def till(*lines: str) -> str:
    """A CSV file of the till source."""
    return "\n".join([TILL_HEADER, *lines]) + "\n"


def write_parquet(path: Path, query: str) -> None:
    """Write the rows of a query as a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
