"""Hand the current build to another store: PostgreSQL, or a folder of CSV or JSON lines.

    python -m serving_exports.export --shop shops/demo.yml postgres://crm@db.example.com/shop
    python -m serving_exports.export --shop shops/demo.yml csv:/srv/exports        # jsonl: for JSON lines

A build arrives whole or not at all. In PostgreSQL the tables lie in a schema of the shop's name; readers see the build before
until the transaction ends, and views and grants on the tables stay. The password is best left to PGPASSWORD or ~/.pgpass.
"""

import time

import steps
from serving_exports import command, files, postgres, published
from settings import Settings
from shop import Shop

FORMATS = ("csv", "jsonl")


def export(settings: Settings, shop: Shop, to: str) -> str:
    """Write the current build to `to` and return the summary line.

    Raises:
        StepError: nothing is published, `to` is no address, or the other side refused.
    """
    began = time.monotonic()
    folder = published.current(settings, shop)
    scheme, _, path = to.partition(":")
    if scheme in ("postgres", "postgresql"):
        place, rows = postgres.write(settings, folder, to, shop.name)
    elif scheme in FORMATS and path:
        place, rows = files.write(settings, folder, path, scheme)
    else:
        raise steps.StepError(f"{to!r} is no address: postgres://user@host/database, csv:FOLDER or jsonl:FOLDER")
    done = f"{rows:,} rows in {time.monotonic() - began:.1f} s" if rows is not None else "it is there already"
    return f"export {shop.name}: build {folder.name} to {place}, {done}"


def main() -> None:
    parser = command.arguments(__doc__)
    parser.add_argument("to", help="postgres://user@host/database, csv:FOLDER or jsonl:FOLDER")
    command.run(parser, lambda settings, shop, options: export(settings, shop, options.to))


if __name__ == "__main__":
    main()
