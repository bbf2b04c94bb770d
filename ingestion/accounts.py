"""What became of the records of a landing, in words, and whether too many of them were refused."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from ingestion.manifest import Entry, Manifest
from ingestion.mapping import Mapping
from shop import Shop

log = logging.getLogger("ingestion")


def account(entries: Sequence[Entry]) -> str:
    """One clause: read = landed + quarantined + duplicate + skipped."""
    read, landed, refused, duplicate = (
        sum(getattr(entry, name) for entry in entries) for name in ("read", "landed", "refused", "duplicate")
    )
    skipped = sum(_total(entry.skipped for entry in entries).values())
    return f"read {read} = landed {landed} + quarantined {refused} + duplicate {duplicate} + skipped {skipped}"


def read_by_source(shop: Shop, entries: Sequence[Entry]) -> str:
    """One clause: how many records each source gave."""
    counts = Counter({source.name: 0 for source in shop.sources})
    for entry in entries:
        counts[entry.source] += entry.read
    return ", ".join(f"{source} {count}" for source, count in counts.items())


def log_sources(shop: Shop, entries: Sequence[Entry]) -> None:
    """Log the account of each source, with the reasons."""
    for source in shop.sources:
        own = [entry for entry in entries if entry.source == source.name]
        log.info("%s: %d files, %s", source.name, len(own), account(own))
        for outcome in ("quarantined", "skipped"):
            for reason, count in _total(getattr(entry, outcome) for entry in own).most_common():
                log.info("%s: %d %s: %s", source.name, count, outcome, reason)


def log_new_columns(shop: Shop, manifest: Manifest, entries: Sequence[Entry]) -> None:
    """Log the columns that no file of a source had in earlier landings and that the shop file does not read."""
    for source in shop.sources:
        known = set(chain.from_iterable(entry.columns for entry in manifest.of_source(source.name)))
        if not known:
            continue
        read = [*Mapping(source, shop.timezone).record_paths, source.lines or ""]
        known |= {name for path in read for name in (path, re.split(r"[.\[]", path)[0])}  # a column, or where a path begins
        for entry in (entry for entry in entries if entry.source == source.name):
            new = [column for column in entry.columns if column not in known]
            if new:
                log.warning("%s: %s has new columns, which are ignored: %s", source.name, entry.file, ", ".join(new))
            known |= set(entry.columns)


def excessive_refusals(shop: Shop, entries: Sequence[Entry]) -> list[str]:
    """The sources of which a larger share was refused than the shop file allows, each in a clause."""
    clauses = []
    for source in shop.sources:
        own = [entry for entry in entries if entry.source == source.name]
        read, refused = sum(entry.read for entry in own), sum(entry.refused for entry in own)
        if refused > shop.checks.max_refused_share * read:
            reasons = _total(entry.quarantined for entry in own).most_common(5)
            listed = ", ".join(f"{reason} ({count})" for reason, count in reasons)
            limit = shop.checks.max_refused_share
            clauses.append(f"source {source.name}: {refused} of {read} records refused ({refused / read:.1%}, limit {limit:.1%}): {listed}")
    return clauses


def _total(counts: Iterable[dict[str, int]]) -> Counter[str]:
    return sum(map(Counter, counts), Counter())
