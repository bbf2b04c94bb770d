"""Which column is which canonical field: by its name, if its values allow it; each guess with how sure it is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ingestion.draft_shop.facts import Facts
from ingestion.draft_shop.words import FIELD_NAMES, TOTALS, name_score, plain
from ingestion.privacy import Names
from shop import Privacy

SURE, LIKELY, CHECK = "sure", "likely", "please check"
_SURE_SCORE, _LIKELY_SCORE = 90, 60
_NEARLY_ALL = 0.9
_EVENT_FIELDS = (
    "event_at", "user_id", "anonymous_id", "session_id", "item_id", "order_id", "quantity", "price", "currency", "event_id", "rating",
    "query", "position", "recommendation_id", "campaign_id", "treatment", "consent_personalization",
)  # fmt: skip
FIELDS = {
    "events": _EVENT_FIELDS,
    "items": (
        "item_id", "title", "description", "category", "brand", "price", "currency", "stock_quantity", "is_active", "image_url",
        "item_group_id",
    ),
    "users": ("user_id", "consent_personalization"),
    "links": ("user_id", "anonymous_id", "other_user_id", "linked_at"),
}  # fmt: skip
LINE_FIELDS = ("item_id", "quantity", "price", "currency", "position")


@dataclass(frozen=True)
class Guess:
    """A field's origin.

    Args:
        path: of the record; None where only a line has it. line: in an element of `lines`.
        options: other keys of the column in the shop file.
        confidence: sure, likely or please check; note: what to check.
    """

    field: str
    path: str | None
    line: str | None = None
    options: dict[str, object] = field(default_factory=dict)
    confidence: str = SURE
    note: str = ""


def _text(facts: Facts) -> bool:
    return True


def _number(facts: Facts) -> bool:
    return facts.is_number


_FITS: Mapping[str, Callable[[Facts], bool]] = {
    "event_at": lambda facts: facts.time is not None,
    "linked_at": lambda facts: facts.time is not None,
    "user_id": lambda facts: facts.time is None or facts.time.format.startswith("unix"),
    "quantity": lambda facts: facts.is_number and facts.is_whole,
    "stock_quantity": lambda facts: facts.is_number and facts.is_whole,
    "price": lambda facts: facts.is_number and not facts.is_signed_before and facts.time is None,
    "currency": lambda facts: facts.is_currency,
    "event_id": lambda facts: facts.is_unique,
    "rating": _number,
    "position": lambda facts: facts.is_number and facts.is_whole and not facts.has_negative,
    "consent_personalization": lambda facts: facts.is_boolean,
    "is_active": lambda facts: facts.is_boolean,
}


def guess_fields(kind: str, facts: Mapping[str, Facts], used: set[str]) -> list[Guess]:
    """The fields of a kind that some columns hold.

    Args:
        facts: of the columns, by path.
        used: paths that are something else already; what is guessed is added.
    """
    guesses = []
    for name in FIELDS[kind]:
        path = _best(name, facts, used)
        if path is not None:
            used.add(path)
            guesses.append(_guess(name, path, facts[path]))
    found = {guess.field for guess in guesses}
    if kind == "events" and "event_at" not in found:
        guesses[:0] = _by_values("event_at", facts, used, lambda fact: fact.time is not None)
    if kind in ("events", "users") and "user_id" not in found:
        guesses += _by_values("user_id", facts, used, lambda fact: fact.is_email)
    return guesses


def _best(name: str, facts: Mapping[str, Facts], used: set[str]) -> str | None:
    """The column with the likeliest name of those whose values fit; of equals, the first."""
    fits = _FITS.get(name, _text)
    scores = {path: _score(name, path, fact) for path, fact in facts.items() if path not in used and fits(fact)}
    best = max(scores, key=scores.get, default=None)
    return best if best is not None and scores[best] > 0 else None


def _score(name: str, path: str, facts: Facts) -> int:
    if name == "order_id" and plain(path) == "name" and not facts.example.startswith("#"):
        return 0  # Shopify calls its order numbers so, and everybody else people and goods
    score = name_score(path, FIELD_NAMES[name])
    return score - 40 if score and name in ("event_at", "price", "item_id") and facts.filled < facts.records / 2 else score


def _guess(name: str, path: str, facts: Facts) -> Guess:
    score = name_score(path, FIELD_NAMES[name])
    confidence = SURE if score >= _SURE_SCORE else LIKELY if score >= _LIKELY_SCORE else CHECK
    notes = list(_doubts(name, path, facts))
    return Guess(name, path, options=dict(_options(name, facts)), confidence=CHECK if notes else confidence, note="; ".join(notes))


def _options(name: str, facts: Facts) -> Iterator[tuple[str, object]]:
    if name in ("event_at", "linked_at") and facts.time.format != "iso":
        yield "format", facts.time.format
    if name in ("price", "quantity", "rating", "stock_quantity"):
        if facts.suffix:
            yield "remove_suffix", facts.suffix
        if facts.decimal == ",":
            yield "decimal", ","
    if name in ("quantity", "price") and facts.has_negative:
        yield "absolute", True
    if name == "category" and (separator := _separator(facts)):
        yield "separator", separator
    if name in ("user_id", "item_id", "order_id") and all(value.endswith(".0") for value in facts.values):
        yield "remove_suffix", ".0"


def _separator(facts: Facts) -> str | None:
    """What stands between the steps of a category's path in most values, where that is not ' > '."""
    counts = {mark: sum(mark in value for value in facts.values) for mark in (" > ", ">", " / ", "/", "|", ".")}
    mark = max(counts, key=counts.get)
    return mark if counts[mark] > len(facts.values) / 2 and mark != " > " else None


def _doubts(name: str, path: str, facts: Facts) -> Iterator[str]:
    if name == "event_at" and facts.time.other:
        yield f"day or month first? {facts.time.other} reads them as well"
    if name in ("event_at", "item_id") and facts.filled < facts.records * _NEARLY_ALL:
        yield f"empty in {facts.records - facts.filled} of {facts.records} records"
    if name == "price" and plain(path.split(".")[-1]) in TOTALS:
        yield "a price is that of one piece; this looks like a total"
    if name == "user_id" and facts.is_email:
        yield "an e-mail address: it is pseudonymised like every id, but an id that stays when it changes is better"


def _by_values(name: str, facts: Mapping[str, Facts], used: set[str], fits: Callable[[Facts], bool]) -> list[Guess]:
    """The first column, most filled ones first, whose values say what its name does not."""
    paths = sorted((path for path, fact in facts.items() if path not in used and fits(fact)), key=lambda path: -facts[path].filled)
    used.update(paths[:1])
    return [replace(_guess(name, path, facts[path]), confidence=CHECK) for path in paths[:1]]


def private_columns(facts: Mapping[str, Facts], used: set[str], are_of_items: bool) -> tuple[list[str], list[str]]:
    """Columns that look private by their name, and those that only their values give away."""
    names = Names(Privacy(), are_of_items)
    rest = [path for path in facts if path not in used]
    by_name = [path for path in rest if names.is_private(path)]
    return by_name, [path for path in rest if path not in by_name and facts[path].is_email]
