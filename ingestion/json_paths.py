"""Paths of a shop file in JSON, as SQL: the text, or the list, at a path of a JSON value."""

from collections.abc import Sequence

from ingestion.sql import literal, text_list
from sources import PathSegment, path_segments


def json_path(segments: Sequence[PathSegment]) -> str:
    """Names and places as a JSONPath: 'items[0].item_id' is $."items"[0]."item_id"."""
    keys = ((segment.name.replace("\\", "\\\\").replace('"', '\\"'), segment.index) for segment in segments)
    return "$" + "".join((f'."{key}"' if key else "") + ("" if index is None else f"[{index}]") for key, index in keys)


def json_texts(document: str, paths: Sequence[str]) -> str:
    """The texts at the plain paths among `paths` of a JSON value, which is parsed once, as a list."""
    plain = [json_path(path_segments(path)) for path in paths if not _selects(path)]
    return f"json_extract_string({document}, {text_list(plain)})" if plain else "[]::varchar[]"


def texts_of(paths: Sequence[str], prefix: str, document: str) -> str:
    """Select-list entries for `paths`: the members of the list `texts`, and what is selected out of lists of `document`."""
    plain = [path for path in paths if not _selects(path)]
    values = (f"texts[{plain.index(path) + 1}]" if path in plain else selected(document, path_segments(path)) for path in paths)
    return "".join(f", {clean(value)} as {prefix}{index}" for index, value in enumerate(values))


def _selects(path: str) -> bool:
    return any(segment.key for segment in path_segments(path))


def selected(document: str, path: Sequence[PathSegment]) -> str:
    """The text at a path that selects elements of lists by a key; a first step without a name is the value itself."""
    value, since = document, []
    for segment in path:
        since.append(segment)
        if segment.key:
            key = literal(json_path([PathSegment(segment.key)]))
            elements = f"json_extract({value}, {literal(json_path(since) + '[*]')})"
            value = f"list_filter({elements}, lambda element: json_extract_string(element, {key}) = {literal(segment.value)})[1]"
            since = []
    return f"json_extract_string({value}, {literal(json_path(since))})"


def clean(text: str) -> str:
    """A text without spaces around it, null where nothing is left."""
    # spaces alone: a list of characters takes three times as long; and trim, which copies each text, only where it is needed
    return f"nullif(case when starts_with({text}, ' ') or ends_with({text}, ' ') then trim({text}) else {text} end, '')"
