"""Guesses a shop's currency and time zone, which files seldom say."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ingestion.draft_shop.drafts import Draft
from ingestion.draft_shop.facts import CURRENCIES
from ingestion.draft_shop.guesses import CHECK, LIKELY

_ZONES = {  # where a currency is most used; a guess to begin with
    "EUR": "Europe/Berlin", "GBP": "Europe/London", "CHF": "Europe/Zurich", "SEK": "Europe/Stockholm", "NOK": "Europe/Oslo",
    "DKK": "Europe/Copenhagen", "PLN": "Europe/Warsaw", "CZK": "Europe/Prague", "USD": "America/New_York", "JPY": "Asia/Tokyo",
    "CNY": "Asia/Shanghai", "INR": "Asia/Kolkata", "BRL": "America/Sao_Paulo", "AUD": "Australia/Sydney",
}  # fmt: skip
_OF_IMPORTERS = {"online_retail": "GBP", "taobao": "CNY", "rees46": "USD", "ga4": "USD"}


def guess_currency(drafts: Sequence[Draft]) -> tuple[str, str, str]:
    """(code, confidence, why)."""
    columns = Counter(code for draft in drafts for code in _named(draft))
    if columns:
        code, _ = columns.most_common(1)[0]
        others = f"; the sample has {', '.join(sorted(columns))}" if len(columns) > 1 else ""
        return code, CHECK if others else LIKELY, f"the most frequent in the currency column{others}"
    symbols = Counter(fact.symbol for draft in drafts for fact in (draft.facts or {}).values() if fact.symbol)
    if symbols:
        return symbols.most_common(1)[0][0], LIKELY, "by the sign at the prices"
    public = next((code for draft in drafts if (code := _OF_IMPORTERS.get(draft.importer))), None)
    return (public, CHECK, "that of the public data set") if public else ("EUR", CHECK, "nothing in the sample names one")


def guess_timezone(drafts: Sequence[Draft], currency: str) -> tuple[str, str]:
    """(zone, what it is for here)."""
    zoned = [draft.facts[guess.path].time.has_zone for draft in drafts if (guess := draft.fields.get("event_at"))]
    names_offset = bool(zoned) and all(zoned)
    why = "the sample's times name their offset; it cuts the days" if names_offset else "times without an offset are read in it"
    return _ZONES.get(currency, "UTC"), why


def _named(draft: Draft) -> Iterator[str]:
    guess = draft.fields.get("currency")
    if guess and guess.path:
        for value, count in draft.facts[guess.path].values.items():
            if value.upper() in CURRENCIES:
                yield from [value.upper()] * count
