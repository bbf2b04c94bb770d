"""Makes of a sample's path the name of a shop and the pattern of its files."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion.draft_shop.words import plain

_DATES = {
    r"20\d{2}-\d{2}-\d{2}": "%Y-%m-%d",
    r"20\d{2}_\d{2}_\d{2}": "%Y_%m_%d",
    r"(?<!\d)20\d{6}(?!\d)": "%Y%m%d",
    r"\d{2}\.\d{2}\.20\d{2}": "%d.%m.%Y",
    r"\d{2}-\d{2}-20\d{2}": "%d-%m-%Y",
}
_ENDINGS = re.compile(r"(\.(csv|tsv|txt|jsonl|ndjson|json|parquet|gz|zst))+$", re.IGNORECASE)


@dataclass(frozen=True)
class FilePattern:
    """Where a source's files lie.

    Args:
        landing: the folder below which `files` is looked for.
        date_format: of `{date}`; None where the name holds no date.
    """

    landing: Path
    files: str
    date_format: str | None


def file_pattern(sample: Path) -> FilePattern:
    """The pattern of which a sample is one file: its date, in its name or its folder's, becomes {date}."""
    sample = sample.resolve()
    for text, landing in ((sample.name, sample.parent), (f"{sample.parent.name}/{sample.name}", sample.parent.parent)):
        for pattern, date_format in _DATES.items():
            found = re.search(pattern, text)
            if found and _is_date(found.group(), date_format):
                return FilePattern(landing, _escaped(text.replace(found.group(), "{date}")), date_format)
    return FilePattern(sample.parent, _escaped(sample.name), None)


def samples_in(folder: Path) -> list[Path]:
    """Of each kind of file in a folder, by pattern, the newest: the last by name."""
    files = [file for file in folder.rglob("*") if file.is_file() and _ENDINGS.search(file.name) and not file.name.startswith(".")]
    return sorted({file_pattern(file): file for file in sorted(files)}.values())


def below(pattern: FilePattern, landing: Path) -> FilePattern:
    """The same pattern from a folder above."""
    files = (pattern.landing.relative_to(landing) / pattern.files).as_posix()
    return FilePattern(landing, files, pattern.date_format)


def source_name(sample: Path) -> str:
    """What a file, or else its folder, is called without date and endings, as a name that a shop file allows."""
    return _without_date(sample.name) or _without_date(sample.resolve().parent.name) or "events"


def _without_date(name: str) -> str:
    name = _ENDINGS.sub("", name)
    for pattern in _DATES:
        name = re.sub(pattern, "", name)
    return re.sub(r"^[0-9_]+", "", plain(name))[:30].strip("_")


def _is_date(text: str, date_format: str) -> bool:
    try:
        datetime.strptime(text, date_format)
    except ValueError:
        return False
    return True


def _escaped(name: str) -> str:
    return re.sub(r"[\[\]*?]", "?", name)  # any one character: these mean something in a pattern
