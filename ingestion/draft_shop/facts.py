"""What the values of a sample's columns look like."""

import re
from collections import Counter
from dataclasses import dataclass

import duckdb

from ingestion.draft_shop.times import TimeFormat, time_format
from ingestion.samples import Column, Sample

SYMBOLS = {"€": "EUR", "EUR": "EUR", "$": "USD", "USD": "USD", "£": "GBP", "GBP": "GBP", "CHF": "CHF", "zł": "PLN", "¥": "JPY", "kr": "SEK"}
CURRENCIES = {
    "EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "TRY", "JPY", "CNY", "INR", "BRL", "CAD", "AUD",
    "NZD", "MXN", "ZAR", "KRW", "SGD", "HKD", "THB", "AED", "ILS", "UAH", "RUB",
}  # fmt: skip
_ENOUGH = 0.9  # of the values
_SYMBOL = "|".join(map(re.escape, sorted(SYMBOLS, key=len, reverse=True)))
_NUMBER = re.compile(rf"(?P<before>{_SYMBOL})?\s*(?P<digits>[-+]?\d[\d.,]*)(?P<after>\s*(?:{_SYMBOL}))?")
_POINT = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_BOOLEAN = {"true", "false", "t", "f", "yes", "no", "y", "n", "1", "0"}
_MOST_TEXTS = 2_000  # different ones that are tried as times


@dataclass(frozen=True)
class Facts:
    """What the values of one column are.

    Args:
        filled, distinct, records: values that are there, different ones, and records of the sample.
        values: how often each stands, the most frequent first.
        time: the format that reads them as times.
        decimal: '.' or ',' where they are numbers, else None. suffix: stands behind each of them, like ' €'.
        symbol: the currency that a sign at a number names. is_signed_before: that sign stands before the number.
    """

    filled: int
    distinct: int
    records: int
    values: dict[str, int]
    time: TimeFormat | None
    decimal: str | None
    suffix: str | None
    symbol: str | None
    is_signed_before: bool

    @property
    def example(self) -> str:
        return next(iter(self.values))

    @property
    def is_unique(self) -> bool:
        return self.filled == self.distinct == self.records

    @property
    def is_number(self) -> bool:
        return self.decimal is not None

    @property
    def is_whole(self) -> bool:
        return self._share(lambda text: re.fullmatch(r"[-+]?\d+([.,]0+)?", text) is not None) >= _ENOUGH

    @property
    def has_negative(self) -> bool:
        return self.is_number and any(re.match(r"-\s*\d*[1-9]", text) for text in self.values)

    @property
    def is_currency(self) -> bool:
        return self._share(lambda text: text.upper() in CURRENCIES) >= _ENOUGH

    @property
    def is_email(self) -> bool:
        return self._share(lambda text: _EMAIL.fullmatch(text) is not None) >= _ENOUGH

    @property
    def is_boolean(self) -> bool:
        return all(text.lower() in _BOOLEAN for text in self.values)

    def _share(self, holds) -> float:
        return sum(count for text, count in self.values.items() if holds(text)) / self.filled


def facts_of(connection: duckdb.DuckDBPyConnection, sample: Sample) -> dict[str, Facts]:
    """The facts of each column of a sample, by path; a column without any value has none."""
    return {path: _facts(connection, column, sample.records) for path, column in sample.columns.items() if any(column)}


def _facts(connection: duckdb.DuckDBPyConnection, column: Column, records: int) -> Facts:
    values = dict(Counter(value for value in column if value).most_common())
    numbers = [match for text in values if (match := _NUMBER.fullmatch(text))]
    are_numbers = len(numbers) >= _ENOUGH * len(values)
    befores = {match["before"] for match in numbers if match["before"]} if are_numbers else set()
    afters = {match["after"] for match in numbers} if are_numbers else set()
    symbols = befores | {after.strip() for after in afters if after}
    return Facts(
        filled=sum(values.values()),
        distinct=len(values),
        records=records,
        values=values,
        time=time_format(connection, list(values)[:_MOST_TEXTS]),
        decimal=_decimal([match["digits"] for match in numbers]) if are_numbers else None,
        suffix=next(iter(afters)) if len(afters) == 1 else None,
        symbol=next((SYMBOLS[symbol] for symbol in symbols), None),
        is_signed_before=bool(befores),
    )


def _decimal(digits: list[str]) -> str | None:
    """The decimal mark that reads the numbers; None where neither does (thousands set off with commas, say)."""
    for mark, pattern in ((".", _POINT), (",", _COMMA)):
        if sum(pattern.fullmatch(text) is not None for text in digits) >= _ENOUGH * len(digits):
            return mark
    return None
