"""The findings as text for a terminal, and as JSON for machines."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from textwrap import wrap

from ingestion.validate.findings import Findings, SourceFindings
from ingestion.validate.outputs import Degraded

WIDTH = 100
_LABEL = 12  # characters before the text of a line


def as_json(findings: Findings) -> str:
    """All of it, with the result first."""
    content = {"could_land": findings.could_land} | dataclasses.asdict(findings)
    return json.dumps(content, default=str, ensure_ascii=False, indent=1)


def as_text(findings: Findings) -> str:
    """A block per source, what the outputs lack, and the result."""
    heads = f"the first {findings.records} records of each sampled file"
    lines = [f"{findings.title} ({findings.shop}), night of {findings.run_date}: {heads}", ""]
    for source in findings.sources:
        lines += [*_source(source, findings.max_refused_share), ""]
    lines += [*_outputs(findings.degraded), ""]
    lines += [f"A night of {findings.run_date} could land these files."] if findings.could_land else _faults(findings)
    return "\n".join(lines)


def _source(source: SourceFindings, limit: float) -> Iterator[str]:
    yield f"{source.source}: {source.kind}, {source.format}"
    yield from _labelled("files", _files(source))
    for fault in source.faults:
        yield from _labelled("FAULT", fault)
    if source.read:
        yield from _labelled("records", _account(source))
        yield from _labelled("refused", f"{source.refused / source.read:.1%} of them; more than {limit:.1%} would stop the night")
    yield from _mapped(source)
    yield from _names("ignored", source.unmapped.ignored)
    yield from _names("dropped", source.unmapped.private, " (private by name)")
    yield from _names("not there", source.unmapped.absent, " (the shop file names it)")
    yield from _names("event types", [f"{name} {count}" for name, count in source.event_types.items()])
    yield from _names("not mapped", [f"{name!r} {count}" for name, count in source.unknown_event_types.items()])
    yield from _names("skipped", [f"{count}: {reason}" for reason, count in source.skipped.items()])
    yield from _refusals(source)


def _files(source: SourceFindings) -> str:
    files = source.files
    if not files.names:
        return "none"
    span = f"{files.first}" if files.first == files.last else f"{files.first} to {files.last}"
    days = f", delivered {span}" if files.first else ", without a date in the name"
    landed = f", {files.landed} landed already" if files.landed else ""
    part = "whole" if source.is_whole else "their first records"
    return f"{len(files.names)}{days}{landed}; looked at: {', '.join(source.sampled)} ({part})"


def _account(source: SourceFindings) -> str:
    skipped = sum(source.skipped.values())
    return f"read {source.read} = landed {source.landed} + refused {source.refused} + duplicate {source.duplicate} + skipped {skipped}"


def _mapped(source: SourceFindings) -> Iterator[str]:
    rows = [(one.field, one.origin, _percent(one.filled_share), _one_line(one.example)) for one in source.mapped]
    yield from _table(("field", "from", "filled", "example"), rows)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [min(40, max(len(row[index]) for row in [header, *rows])) for index in range(len(header) - 1)]
    for row in [header, *rows] if rows else []:
        cells = [_cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield _cut(f"  {'  '.join([*cells, row[-1]])}")


def _refusals(source: SourceFindings) -> Iterator[str]:
    for refusal in source.refusals:
        yield f"  refused {refusal.count}: {refusal.reason}"
        for example in refusal.examples:
            yield _cut(f"    {example.file}, line {example.line}: {_one_line(example.raw)}")


def _outputs(degraded: Sequence[Degraded]) -> Iterator[str]:
    yield "outputs that lack something" if degraded else "no output lacks anything"
    for one in degraded:
        yield from _wrapped(f"  {one.effect:<8}{one.output}: lacks {one.lacks}\n{one.without}", 10)


def _faults(findings: Findings) -> list[str]:
    return ["A night could not land these files:", *(line for fault in findings.faults for line in _wrapped(f"  - {fault}", 4))]


def _names(label: str, names: Sequence[str], note: str = "") -> Iterator[str]:
    if names:
        yield from _labelled(label, ", ".join(names) + note)


def _labelled(label: str, text: str) -> Iterator[str]:
    yield from _wrapped(f"  {label:<{_LABEL}}{text}", _LABEL + 2)


def _wrapped(text: str, indent: int) -> Iterator[str]:
    for number, line in enumerate(text.splitlines()):
        yield from wrap(line if number == 0 else " " * indent + line.strip(), WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)


def _cut(line: str, width: int = WIDTH) -> str:
    return line.rstrip() if len(line) <= width else line[: width - 1] + "…"
