"""What was guessed, how sure that is and what nobody could tell, for the person who finishes the shop file."""

from collections.abc import Iterator, Sequence

from ingestion.draft_shop.drafts import Draft
from ingestion.draft_shop.event_types import EventTypes
from ingestion.draft_shop.guesses import CHECK, LIKELY, SURE


def account(drafts: Sequence[Draft]) -> str:
    """A block of lines per sample, and what is still to do."""
    lines = [line for draft in drafts for line in _lines(draft)]
    missing = [f"{name} of {draft.name}" for draft in drafts for name in draft.missing]
    if not any(draft.kind == "events" for draft in drafts):
        missing.append("a source of events: draft a shop from a sample of orders or clicks, this one beside it")
    if missing:
        return "\n".join([*lines, f"to be filled in before it can be read: {', '.join(missing)}"])
    return "\n".join([*lines, "it can be read as it is; look at each 'please check'"])


def _lines(draft: Draft) -> Iterator[str]:
    form = draft.form
    header = f", {'with' if form.has_header else 'without'} a header, delimiter {form.delimiter!r}" if form.format == "csv" else ""
    encoding = "" if form.format == "parquet" else f", {form.encoding}"
    yield f"{draft.sample.name}: {form.format}{header}{encoding}; {draft.records} records read, {len(draft.columns)} columns"
    if draft.importer:
        yield f"  {SURE:<13} it is what the importer {draft.importer} reads"
        return
    yield f"  {LIKELY:<13} these are {draft.kind}"
    for confidence in (SURE, LIKELY, CHECK):
        guesses = [f"{guess.field} = {guess.line or guess.path}" for guess in draft.guesses if guess.confidence == confidence]
        if draft.event_types and draft.event_types.confidence == confidence and "event_type" not in draft.missing:
            guesses.insert(0, _event_type(draft.event_types))
        if guesses:
            yield f"  {confidence:<13} {', '.join(guesses)}"
    if draft.missing:
        yield f"  not found     {', '.join(draft.missing)}"
    if draft.private or draft.private_by_value:
        yield f"  dropped       {', '.join([*draft.private, *draft.private_by_value])} (they look private)"
    if draft.unused:
        yield f"  ignored       {', '.join(draft.unused)}"


def _event_type(types: EventTypes) -> str:
    if types.path is None:
        return f"event_type = always {types.default}"
    unknown = f" ({len(types.unknown)} of its values unknown)" if types.unknown else ""
    return f"event_type = {types.path}{unknown}"
