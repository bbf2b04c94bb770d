"""Rows as a plain text table for a terminal."""

from collections.abc import Sequence

GAP = "  "
SHORTEST_TEXT = 12  # a text is not cut below this to make room for other columns; names and numbers are never cut


def text_table(names: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None) -> str:
    """Names, a rule and one line per row; numbers are set to the right, and None is shown as nothing.

    Args:
        names: the columns.
        rows: their values.
        width: the longest line allowed (None: any). Where it is too short, columns are left out from the right, and
            named in a line below; then the longest texts are cut, with '…'.
    """
    cells = [[_text(value) for value in row] for row in rows]
    is_number = [any(_is_number(row[i]) for row in rows) for i in range(len(names))]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    if width is not None:
        shortest = [size if number else max(len(name), SHORTEST_TEXT) for name, size, number in zip(names, widths, is_number, strict=True)]
        widths = _fit(widths, [min(pair) for pair in zip(widths, shortest, strict=True)], width)
    lines = [_line(row, widths, is_number) for row in (names, ["─" * size for size in widths], *cells)]
    left_out = [f"(and {', '.join(names[len(widths) :])})"] if len(widths) < len(names) else []
    return "\n".join([*lines, *left_out])


def _fit(widths: list[int], floors: list[int], width: int) -> list[int]:
    """The widths of the columns that are shown: the first ones, as many as fit when cut to their floors."""
    shown = len(widths)
    while shown > 1 and _line_length(floors[:shown]) > width:
        shown -= 1
    fitted = widths[:shown]
    while _line_length(fitted) > width and fitted != floors[:shown]:
        widest = max(range(shown), key=lambda i: fitted[i] - floors[i])
        fitted[widest] -= 1
    return fitted


def _line_length(widths: list[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _line(cells: Sequence[str], widths: list[int], is_number: list[bool]) -> str:
    shown = zip(cells, widths, is_number, strict=False)  # columns that are left out have a cell and no width
    return GAP.join(_cut(cell, size).rjust(size) if number else _cut(cell, size).ljust(size) for cell, size, number in shown).rstrip()


def _cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else cell[: size - 1] + "…"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return " ".join(str(value).split())  # a line break in a title must not break the table


def _is_number(value: object) -> bool:
    return hasattr(value, "__round__") and not isinstance(value, bool)
