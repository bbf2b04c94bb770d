"""Drafts one source from one sample: its kind, its fields, its event types, and what nobody could tell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from ingestion.draft_shop.event_types import EventTypes, event_type_column, guess_event_types
from ingestion.draft_shop.facts import Facts, facts_of
from ingestion.draft_shop.file_names import FilePattern, file_pattern, source_name
from ingestion.draft_shop.guesses import LINE_FIELDS, Guess, guess_fields, private_columns
from ingestion.draft_shop.known_shapes import known_shape
from ingestion.draft_shop.sniffing import sniff
from ingestion.draft_shop.words import plain
from ingestion.heads import UNREADABLE, Form
from ingestion.samples import Sample, read_sample
from steps import StepError

_ABOUT_GOODS = {"title", "description", "brand", "category", "stock_quantity", "image_url"}
_FEW_VALUES = 0.5  # of the records: a trait of many people has fewer different values


@dataclass(frozen=True)
class Draft:
    """One source, guessed.

    Args:
        importer: whose keys it takes; then nothing else was guessed.
        lines: the array of order lines.
        traits: of users. private, private_by_value: columns to drop, told by their names and by their values.
        unused: columns that nothing was found for. facts: of the record's columns.
    """

    name: str
    sample: Path
    form: Form
    pattern: FilePattern
    kind: str
    columns: tuple[str, ...]
    records: int
    importer: str | None = None
    lines: str | None = None
    guesses: tuple[Guess, ...] = ()
    event_types: EventTypes | None = None
    traits: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    private_by_value: tuple[str, ...] = ()
    facts: Mapping[str, Facts] | None = None

    @property
    def fields(self) -> dict[str, Guess]:
        return {guess.field: guess for guess in self.guesses}

    @property
    def missing(self) -> list[str]:
        """What a source of this kind must have, and nothing was found for."""
        if self.importer:
            return []
        user = [] if {"user_id", "anonymous_id"} & self.fields.keys() else ["user_id or anonymous_id"]
        needed = {"events": ["event_at"], "items": ["item_id"]}.get(self.kind, [])
        lacking = [name for name in needed if name not in self.fields] + (user if self.kind != "items" else [])
        has_types = self.event_types is None or self.event_types.map or self.event_types.default
        return lacking + ([] if has_types else ["event_type"])


def draft(sample: Path, records: int) -> Draft:
    """Guess what a sample holds by its first records.

    Raises:
        StepError: it cannot be read, or holds no records.
    """
    form = sniff(sample)
    try:
        content = read_sample(form, sample, records)
    except (*UNREADABLE, ValueError) as error:
        raise StepError(f"{sample}: cannot be read as {form.format} ({error})") from error
    if not content.records:
        raise StepError(f"{sample}: read as {form.format}, and no record was found")
    blank = Draft(source_name(sample), sample, form, file_pattern(sample), "events", tuple(content.columns), content.records)
    importer = known_shape(form, content)
    return replace(blank, importer=importer) if importer else _guessed(blank, content)


def _guessed(blank: Draft, content: Sample) -> Draft:
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("set timezone = 'UTC'")
        facts = facts_of(connection, content)
        lines = {path: facts_of(connection, sample) for path, sample in content.arrays.items()}
    array = next((path for path, line in lines.items() if _names_items(line)), None)
    kind = _kind(facts, array)
    event_type = event_type_column(facts) if kind == "events" else None
    used = {event_type} if event_type else set()
    guesses = guess_fields(kind, facts, used)
    if array:
        guesses = _with_lines(guesses, guess_fields("events", lines[array], set()))
    by_name, by_value = private_columns(facts, used, kind == "items")
    rest = [path for path in facts if path not in {*used, *by_name, *by_value}]
    traits = [path for path in rest if facts[path].distinct <= max(2, _FEW_VALUES * facts[path].filled)] if kind == "users" else []
    return replace(
        blank,
        kind=kind,
        lines=array,
        guesses=tuple(guesses),
        event_types=guess_event_types(facts, event_type, guesses) if kind == "events" else None,
        traits=tuple(traits),
        unused=tuple(path for path in rest if path not in traits),
        private=tuple(by_name),
        private_by_value=tuple(by_value),
        facts=facts,
    )


def _names_items(facts: Mapping[str, Facts]) -> bool:
    return any(guess.field == "item_id" for guess in guess_fields("events", facts, set()))


def _kind(facts: Mapping[str, Facts], array: str | None) -> str:
    """Events have a time and somebody; goods have words about them and nobody; people have no goods; links have two ids alone."""
    events = {guess.field: guess for guess in guess_fields("events", facts, set())}
    goods = {guess.field for guess in guess_fields("items", facts, set())}
    has_user = "user_id" in events
    if array or event_type_column(facts) or "order_id" in events:
        return "events"
    if "item_id" in events:
        is_list = facts[events["item_id"].path].is_unique or not has_user
        return "items" if goods & _ABOUT_GOODS and is_list and not has_user else "events"
    if {"user_id", "anonymous_id"} <= events.keys() and len(facts) <= 3:
        return "links"
    return "users" if has_user and facts[events["user_id"].path].distinct == facts[events["user_id"].path].filled else "events"


def _with_lines(guesses: list[Guess], of_lines: list[Guess]) -> list[Guess]:
    """The fields of a record, with those that its lines have of their own."""
    found = {guess.field: guess for guess in guesses}
    for guess in of_lines:
        if guess.field in LINE_FIELDS:
            of_record = found.get(guess.field)
            is_same = of_record is not None and plain(of_record.path.split(".")[-1]) == plain(guess.path.split(".")[-1])
            found[guess.field] = replace(guess, path=of_record.path if is_same else None, line=guess.path)  # a total is no price
    return list(found.values())
