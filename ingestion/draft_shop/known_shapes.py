"""Public export formats that shops/importers/ maps: told by their columns."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ingestion.heads import Form
from ingestion.samples import Sample
from shop import IMPORTERS


@dataclass(frozen=True)
class KnownShape:
    """An importer, and the columns that its files have; each a name, or several of which one is there."""

    importer: str
    columns: tuple[tuple[str, ...], ...]

    def matches(self, paths: Iterable[str]) -> bool:
        paths = set(paths)
        return all(paths & set(names) for names in self.columns)


def _columns(names: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(name.split("|")) for name in names.split())


SHAPES = (
    KnownShape("rees46", _columns("event_time event_type product_id category_id category_code brand price user_id user_session")),
    KnownShape("retailrocket", _columns("timestamp visitorid event itemid transactionid")),
    KnownShape("online_retail", _columns("InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country")),
    KnownShape("ga4", _columns("event_date event_timestamp event_name user_pseudo_id")),
    KnownShape("snowplow", _columns("collector_tstamp event_id event_name domain_userid")),
    KnownShape("segment", _columns("type event messageId|message_id anonymousId|userId timestamp|originalTimestamp|sentAt|receivedAt")),
)
_TAOBAO = (r"\d+", r"\d+", r"\d+", r"pv|cart|fav|buy", r"-?\d{9,10}")


def known_shape(form: Form, sample: Sample) -> str | None:
    """The importer whose files a sample looks like; None if it is none of them."""
    if form.format == "csv" and not form.has_header:
        return "taobao" if _is_taobao(sample) else None
    paths = {path for path, column in sample.columns.items() if form.format == "csv" or any(column)}
    return next((shape.importer for shape in SHAPES if shape.matches(paths)), None)


def companions(importer: str | None) -> list[str]:
    """The importers that read something else of the same files: goods, people, links."""
    return sorted(file.stem for file in IMPORTERS.glob(f"{importer}_*.yml")) if importer else []


def _is_taobao(sample: Sample) -> bool:
    columns = list(sample.columns.values())
    return len(columns) == len(_TAOBAO) and all(
        value is None or re.fullmatch(pattern, value) for pattern, column in zip(_TAOBAO, columns, strict=True) for value in column
    )
