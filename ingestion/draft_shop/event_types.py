"""Guesses which column says what happened, and what its values are called here."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ingestion.draft_shop.facts import Facts
from ingestion.draft_shop.guesses import CHECK, LIKELY, SURE, Guess
from ingestion.draft_shop.words import EVENT_TYPE_NAMES, EVENT_TYPE_OF, STATUS_NAMES, UNDONE, name_score, plain

_MOST_TYPES = 200
_KNOWN_SHARE = 0.5  # of the records: fewer known words, and the column is most likely something else


@dataclass(frozen=True)
class EventTypes:
    """How event types are found.

    Args:
        path, map: the column and its values; None and empty without one.
        default: of records without such a column; None: nothing says what they are.
        refund_path: a column whose negative numbers mark refunds.
        unknown: values that no word list knows, with their counts.
        undone: (column, values) of a status that says that an order was cancelled or sent back.
    """

    path: str | None = None
    map: dict[str, str] = field(default_factory=dict)
    default: str | None = None
    refund_path: str | None = None
    unknown: dict[str, int] = field(default_factory=dict)
    undone: tuple[str, tuple[str, ...]] | None = None
    confidence: str = SURE
    note: str = ""


def event_type_column(facts: Mapping[str, Facts]) -> str | None:
    """The column whose values are words for events; of several, the one with the likeliest name."""
    scores = {
        path: 2 * name_score(path, EVENT_TYPE_NAMES) + 100 * share
        for path, fact in facts.items()
        if not name_score(path, STATUS_NAMES) and fact.distinct <= _MOST_TYPES and (share := _known_share(fact)) >= _KNOWN_SHARE
    }
    return max(scores, key=scores.get, default=None)


def guess_event_types(facts: Mapping[str, Facts], path: str | None, guesses: Collection[Guess]) -> EventTypes:
    """The event types of a source of events."""
    if path is not None:
        words = {value: EVENT_TYPE_OF.get(plain(value)) for value in facts[path].values}
        unknown = {value: facts[path].values[value] for value, word in words.items() if word is None}
        confidence = SURE if not unknown and name_score(path, EVENT_TYPE_NAMES) else CHECK if unknown else LIKELY
        return EventTypes(path, {value: word for value, word in words.items() if word}, unknown=unknown, confidence=confidence)
    found = {guess.field: guess for guess in guesses}
    if "order_id" not in found and not {"quantity", "price"} <= found.keys():
        return EventTypes(confidence=CHECK)
    refund = next((name for name in ("quantity", "price") if name in found and _is_negative(found[name], facts)), None)
    undone = _undone(facts, {guess.path for guess in guesses})
    is_plain = "order_id" in found and not refund and not undone
    return EventTypes(
        default="order_completed",
        refund_path=found[refund].path if refund else None,
        undone=undone,
        confidence=LIKELY if is_plain else CHECK,
        note="no column names events, and the records look like lines of orders",
    )


def _known_share(facts: Facts) -> float:
    return sum(count for value, count in facts.values.items() if plain(value) in EVENT_TYPE_OF) / facts.filled


def _is_negative(guess: Guess, facts: Mapping[str, Facts]) -> bool:
    return guess.path is not None and guess.path in facts and facts[guess.path].has_negative


def _undone(facts: Mapping[str, Facts], used: set[str | None]) -> tuple[str, tuple[str, ...]] | None:
    for path, fact in facts.items():
        if path not in used and fact.distinct <= _MOST_TYPES and name_score(path, STATUS_NAMES):
            values = tuple(value for value in fact.values if re.search(UNDONE, plain(value)))
            if values:
                return path, values
    return None
