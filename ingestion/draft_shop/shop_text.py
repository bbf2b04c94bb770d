"""A drafted shop as the text of a shop file: what is sure plainly, what is a guess with a comment to check it by."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingestion.draft_shop.drafts import Draft
from ingestion.draft_shop.event_types import EventTypes
from ingestion.draft_shop.guesses import CHECK, SURE, Guess
from ingestion.draft_shop.known_shapes import companions
from ingestion.draft_shop.money_and_zone import guess_currency, guess_timezone
from settings import PROJECT_ROOT

_SHOWN = ("event_at", "price", "quantity", "currency")  # examples of these fields name nobody


def shop_text(name: str, drafts: Sequence[Draft], landing: Path | None) -> str:
    """The whole file.

    Args:
        landing: the folder of the sources' files; None for the shop's own.
    """
    currency, confidence, why = guess_currency(drafts)
    zone, zone_why = guess_timezone(drafts, currency)
    samples = ", ".join(f"{draft.sample.name} ({draft.records} records)" for draft in drafts)
    lines = [
        f"# Drafted by `python -m ingestion.draft_shop` from the beginning of {samples}.",
        "# Look at each line that says 'please check', then: make validate SHOP=this file. docs/shop-file.md has all keys.",
        f"name: {name}",
        f"title: {_scalar(name.replace('_', ' ').capitalize())}",
        f"timezone: {zone} # please check: {zone_why}",
        f"currency: {currency} # {confidence}: {why}",
    ]
    if landing is not None:
        lines.append(f"landing: {_scalar(_shown(landing))} # the sample's folder; without this line it is data/{name}/landing")
    lines += ["", "sources:"]
    for draft in drafts:
        lines += [*(f"  {line}".rstrip() for line in _source(draft)), ""]
    return "\n".join([*lines, *_privacy(drafts)]).rstrip() + "\n"


def _shown(folder: Path) -> str:
    return folder.relative_to(PROJECT_ROOT).as_posix() if folder.is_relative_to(PROJECT_ROOT) else str(folder)


def _source(draft: Draft) -> Iterator[str]:
    yield f"- name: {draft.name}"
    if draft.importer:
        yield f"  importer: {draft.importer} # {SURE}: the sample has its columns; shops/importers/{draft.importer}.yml maps them"
    else:
        yield f"  kind: {draft.kind}"
    yield from _form(draft)
    if not draft.importer:
        yield from (f"  {line}" for line in _mapping(draft))
    for companion in companions(draft.importer):
        yield ""
        yield f"- name: {draft.name}{companion.removeprefix(draft.importer)}"
        yield f"  importer: {companion} # please check: reads more of the same files; shops/importers/{companion}.yml says what"
        yield from _form(draft)


def _form(draft: Draft) -> Iterator[str]:
    """How the files are read; with an importer in full, since its template may say otherwise."""
    yield f"  format: {draft.form.format}"
    yield _files(draft)
    if draft.pattern.date_format and (draft.importer or draft.pattern.date_format != "%Y-%m-%d"):
        yield f"  date_format: {_scalar(draft.pattern.date_format)}"
    if draft.form.format == "csv" and (draft.importer or draft.form.delimiter != ","):
        yield f"  delimiter: {_scalar(draft.form.delimiter)}"
    if draft.form.encoding != "utf-8":
        yield f"  encoding: {_scalar(draft.form.encoding)}"


def _files(draft: Draft) -> str:
    if draft.pattern.date_format:
        note = "please check: {date} is taken for the day on which a file is delivered"
    else:
        note = "no date in the name: it counts as delivered on the night's RUN_DATE; * stands for any text"
    return f"  files: {_scalar(draft.pattern.files)} # {note}"


def _mapping(draft: Draft) -> Iterator[str]:
    if draft.form.format == "csv" and not draft.form.has_header:
        yield f"column_names: [{', '.join(map(_scalar, draft.columns))}] # the file has no header: please name its columns"
    if draft.lines:
        yield f"lines: {_scalar(draft.lines)} # each element is an event line of its record"
    if draft.event_types:
        yield from _event_types(draft.event_types)
    yield "columns:"
    for guess in draft.guesses:
        yield f"  {guess.field}: {_origin(guess)}{_comment(draft, guess)}"
    for name in draft.missing:
        if name != "event_type":
            yield f"  # TODO {name}: nothing in the sample looks like it, and a shop file needs it"
    if draft.traits:
        yield f"traits: [{', '.join(map(_scalar, draft.traits))}] # please check: kept with each person"
    if draft.private or draft.private_by_value:
        yield f"# dropped, since they look private: {', '.join([*draft.private, *draft.private_by_value])}"
    if draft.unused:
        yield f"# not mapped, and ignored: {', '.join(draft.unused)}"


def _event_types(types: EventTypes) -> Iterator[str]:
    if not (types.map or types.default):
        yield "# TODO event_type: no column says what happened. If all records are of one type, name it:"
        yield "# event_type: {default: product_viewed}"
        return
    yield "event_type:"
    if types.path:
        yield f"  from: {_scalar(types.path)} # {types.confidence}"
    if any(value != event_type for value, event_type in types.map.items()):
        yield "  map: # please check: values that the sample does not hold are refused unless you add them"
        yield from (f"    {_scalar(value)}: {event_type}" for value, event_type in types.map.items())
    if types.path:
        for value, count in types.unknown.items():
            yield f"    # please check: {_scalar(value)} ({count} records) is refused unless mapped"
        if types.unknown:
            yield "  # skip_others: true # please check: what is not mapped is no event, and skipped instead of refused"
    if types.refund_path:
        yield "  rules:"
        yield f"    - when: [{{column: {_scalar(types.refund_path)}, at_most: -0.0001}}] # please check: less than 0 is taken for a refund"
        yield "      then: order_refunded"
    if types.default:
        yield f"  default: {types.default} # {types.confidence}: {types.note}"
    if types.undone:
        path, values = types.undone
        yield f"# please check: {path} says that some orders were undone; they count as bought unless skipped:"
        yield f"# skip: [{{reason: undone, when: [{{column: {_scalar(path)}, one_of: [{', '.join(map(_scalar, values))}]}}]}}]"


def _origin(guess: Guess) -> str:
    keys = {"from": guess.path, "line": guess.line} | guess.options
    if list(keys) == ["from", "line"] and guess.line is None:
        return _scalar(guess.path)
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in keys.items() if value is not None) + "}"


def _comment(draft: Draft, guess: Guess) -> str:
    example = f", e.g. {draft.facts[guess.path].example}" if guess.field in _SHOWN and guess.path and not guess.line else ""
    note = f": {guess.note}" if guess.note else ""
    if guess.confidence == SURE and not note:
        return ""
    return f" # {guess.confidence}{note}{example}"


def _privacy(drafts: Sequence[Draft]) -> Iterator[str]:
    """The names that only values gave away; the others are private in every shop."""
    names = list(dict.fromkeys(path.split(".")[-1] for draft in drafts for path in draft.private_by_value))
    if names:
        yield f"privacy: # {CHECK}: their values look like e-mail addresses"
        yield f"  drop: [{', '.join(map(_scalar, names))}]"


def _scalar(value: object) -> str:
    """A YAML scalar; plain where that is clear to the eye."""
    text = json.dumps(value, ensure_ascii=False)
    is_plain = isinstance(value, str) and value.replace("_", "").isalnum() and value[0].isalpha() and value.isascii()
    return value if is_plain and value.lower() not in {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "t", "f"} else text
