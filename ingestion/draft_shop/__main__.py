"""Drafts a shop file from sample files: guesses format, columns, event types, times and money, for a person to finish.

    python -m ingestion.draft_shop orders_2026-01-05.csv                            # prints it
    python -m ingestion.draft_shop events.jsonl catalogue.csv --name mine --write   # writes shops/mine.yml
    python -m ingestion.draft_shop delivered/                                       # the newest file of each kind in a folder

Each sample becomes a source. What was guessed, how sure that is and what nobody could tell goes to stderr.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ingestion.draft_shop.account import account
from ingestion.draft_shop.drafts import Draft, draft
from ingestion.draft_shop.file_names import samples_in
from ingestion.draft_shop.shop_text import shop_text
from ingestion.draft_shop.sources_of_one_shop import one_shop
from settings import Settings
from steps import StepError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path, nargs="+", metavar="SAMPLE", help="a file as the shop delivers it, or a folder of them")
    parser.add_argument("--name", help="of the shop: small letters, digits, _ (default: that of the first sample)")
    parser.add_argument("--write", action="store_true", help="to shops/NAME.yml, unless that exists, instead of printing it")
    parser.add_argument("--records", type=int, default=2_000, help="of each sample, from its beginning (default: 2000)")
    options = parser.parse_args()
    try:
        settings = Settings.from_environment()
        samples = [file for sample in options.samples for file in _files(sample)]
        drafts, landing = one_shop([draft(sample, options.records) for sample in samples])
        name = _shop_name(options.name, drafts)
        text = shop_text(name, drafts, None if landing == settings.paths(name).landing else landing)
        print(account(drafts), file=sys.stderr)
        if options.write:
            _write(settings.shops / f"{name}.yml", text)
        else:
            print(text, end="")
    except (StepError, ValueError) as error:
        sys.exit(f"draft_shop: {error}")


def _files(sample: Path) -> list[Path]:
    if not sample.is_dir():
        return [sample]
    files = samples_in(sample)
    if not files:
        raise StepError(f"{sample}: holds no CSV, JSON or Parquet files")
    return files


def _shop_name(asked: str | None, drafts: Sequence[Draft]) -> str:
    name = asked or drafts[0].name
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", name):
        raise StepError(f"{name!r} is no name of a shop: small letters, digits and _, a letter first; pass --name (make shop: NAME=…)")
    return name


def _write(file: Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError as error:
        raise StepError(f"{file} exists, and is not overwritten") from error
    except OSError as error:
        raise StepError(f"{file} cannot be written ({error.strerror})") from error
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    print(f"written to {file}", file=sys.stderr)


if __name__ == "__main__":
    main()
