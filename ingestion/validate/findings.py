"""All that validation finds out about a shop: per source what a night would do with its files, and what the outputs lack."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ingestion import accounts
from ingestion.manifest import Entry, Manifest
from ingestion.validate.columns import MappedField, Unmapped, mapped_fields, unmapped_columns, unmapped_event_types
from ingestion.validate.files import Files, files_of
from ingestion.validate.outputs import Degraded, degraded
from ingestion.validate.rehearsal import EXAMPLES, Refused, Rehearsed, rehearse
from settings import Settings
from shop import Shop
from sources import Source, SourceFileError
from steps import StepError


@dataclass(frozen=True)
class Refusal:
    """Why records would be refused: how many, and a few of them."""

    reason: str
    count: int
    examples: tuple[Refused, ...]


@dataclass(frozen=True)
class SourceFindings:
    """What a night would do with the sampled records of one source.

    Args:
        sampled: the files looked at; is_whole: all of their records were.
        read: records = landed + refused + duplicate + skipped.
        event_types: rows by type; unknown_event_types: records by value of the event type column that no map names.
        faults: why a night could not land it.
    """

    source: str
    kind: str
    format: str
    files: Files
    sampled: tuple[str, ...]
    is_whole: bool
    read: int
    landed: int
    refused: int
    duplicate: int
    skipped: dict[str, int]
    mapped: list[MappedField]
    unmapped: Unmapped
    event_types: dict[str, int]
    unknown_event_types: dict[str, int]
    refusals: list[Refusal]
    faults: list[str]


@dataclass(frozen=True)
class Findings:
    """What validation says.

    Args:
        records: how many of each sampled file were read at most.
        faults: why a night could not land, of all sources.
    """

    shop: str
    title: str
    run_date: date
    records: int
    max_refused_share: float
    sources: list[SourceFindings]
    degraded: list[Degraded]
    faults: list[str]

    @property
    def could_land(self) -> bool:
        return not self.faults


def validate(settings: Settings, shop: Shop, run_date: date, records: int, newest: int) -> Findings:
    """Look at the oldest and the `newest` newest files of each source, up to the night of `run_date`.

    Raises:
        StepError: there is no landing folder.
    """
    landing = shop.landing_folder(settings)
    if not landing.is_dir():
        raise StepError(f"the landing folder {landing} of shop {shop.name} does not exist")
    manifest = Manifest(settings.paths(shop.name).lake / "manifest")
    rehearsed: dict[str, list[Rehearsed]] = {}
    sources = []
    for source in shop.sources:
        try:
            files = files_of(source, landing, run_date, manifest)
        except (SourceFileError, StepError) as error:
            files, faults = Files(()), [str(error)]
        else:
            faults = []
        names = files.sampled(newest)
        rehearsed[source.name] = [rehearse(settings, shop, source, name, run_date, records) for name in names]
        sources.append(_source_findings(shop, source, files, rehearsed[source.name], faults))
    faults = [f"{source.source}: {fault}" for source in sources for fault in source.faults]
    if not faults and not any(source.event_types for source in sources):
        faults = ["no event of the sample lands"]
    filled, types = _there(shop, rehearsed)
    lacking = degraded(shop, filled, types)
    return Findings(shop.name, shop.title, run_date, records, shop.checks.max_refused_share, sources, lacking, faults)


def _source_findings(shop: Shop, source: Source, files: Files, rehearsed: list[Rehearsed], faults: list[str]) -> SourceFindings:
    entries = [file.entry for file in rehearsed if file.entry]
    faults = [*faults, *(file.fault for file in rehearsed if file.fault), *accounts.excessive_refusals(shop, entries)]
    return SourceFindings(
        source=source.name,
        kind=source.kind,
        format=source.format,
        files=files,
        sampled=tuple(file.file for file in rehearsed),
        is_whole=all(file.is_whole for file in rehearsed),
        read=sum(entry.read for entry in entries),
        landed=sum(entry.landed for entry in entries),
        refused=sum(entry.refused for entry in entries),
        duplicate=sum(entry.duplicate for entry in entries),
        skipped=_total(entry.skipped for entry in entries),
        mapped=mapped_fields(source, rehearsed),
        unmapped=unmapped_columns(shop, source, rehearsed),
        event_types=_total(file.event_types for file in rehearsed),
        unknown_event_types=unmapped_event_types(source, rehearsed),
        refusals=list(_refusals(entries, rehearsed)),
        faults=faults,
    )


def _refusals(entries: Sequence[Entry], rehearsed: Sequence[Rehearsed]) -> Iterator[Refusal]:
    for reason, count in _total(entry.quarantined for entry in entries).items():
        examples = [_without_pseudonyms(refused) for file in rehearsed for refused in file.refused if refused.reason == reason]
        yield Refusal(reason, count, tuple(examples[:EXAMPLES]))


def _without_pseudonyms(refused: Refused) -> Refused:
    """Made with a key that is gone, they say nothing, and would differ each time."""
    return Refused(refused.file, refused.line, refused.reason, re.sub(r"\b(user|anon|trait):[0-9a-f-]{36}", r"\1:…", refused.raw))


def _total(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    return dict(sum(map(Counter, counts), Counter()).most_common())


def _there(shop: Shop, rehearsed: dict[str, list[Rehearsed]]) -> tuple[set[str], set[str]]:
    kinds = {source.name: source.kind for source in shop.sources}
    files = [(kinds[name], file) for name, files in rehearsed.items() for file in files]
    filled = {f"{kind}.{column}" for kind, file in files for column, count in file.filled.items() if count}
    return filled, {event_type for _, file in files for event_type in file.event_types}
