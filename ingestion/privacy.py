"""What is private besides the visitor's id: fields by their names, and e-mail addresses, phone numbers and IP addresses in texts.

Landing maps columns one by one, so a private field enters the lake only where a shop file asks for it: as a trait, or
inside one. Quarantine keeps raw text, and free text holds what people type.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ingestion.sql import literal
from shop import Privacy

DROPPED = "[private]"
# as they stand in the specifications of Segment, GA4, Snowplow and Shopify; _ is any or no separator
PRIVATE = (
    "e_mail", "e_mail_address", "e_mail_id", "mail", "mail_address",
    "phone", "phone_no", "phone_number", "mobile", "mobile_phone", "mobile_number", "telephone", "telephone_number", "tel", "fax", "cell",
    "ip", "ip_address", "ip_addr", "ip_override", "remote_addr", "remote_ip", "user_ip_address",
    "address", "address_[0-9]", "address_line_[0-9]", "street", "street_[0-9]", "street_address", "house_number",
    "zip", "zip_code", "post_code", "postal_code", "postal", "latitude", "longitude", "geo_latitude", "geo_longitude",
    "name", "first_name", "last_name", "middle_name", "surname", "family_name", "given_name", "full_name", "user_name", "nick_name",
    "recipient", "recipient_name", "birth_day", "birth_date", "date_of_birth",
    "iban", "card_number", "credit_card", "vat_number", "tax_id", "passport", "ssn",
)  # fmt: skip
_OWNERS = "(?:(?:billing|shipping|customer|user|contact|delivery|buyer|client|kunden)_)?"
_EMAIL = r"[A-Za-z0-9._%+\-]+(?:@|%40)[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"
_IP = r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}\b"
# an international number, or one with a leading zero and groups; bare digits may be an item or an order
_PHONE = r"\+\d[\d ()/.\-]{6,}\d|\b0\d{2,5}[ /]\d[\d \-]{4,}\d\b"
_IN_TEXT = f"{_EMAIL}|{_IP}|{_PHONE}"
# how a quote and a text stand in JSON, and in JSON that is itself a text in JSON, as databases export what is nested
_JSON_TEXTS = {'"': r'"(?:[^"\\]|\\.)*"', r'\\"': r'\\"(?:[^"\\]|\\\\(?:\\["\\]|[^"\\]))*\\"'}
_JSON_DEPTH = 6  # of objects and lists in a private value; RE2 has no recursion


def _json_value(text: str, depth: int) -> str:
    """A regular expression for a JSON value with objects and lists of so many levels, whose texts are `text`."""
    nested = rf'[^"\\{{}}\[\]]|{text}'
    for _ in range(depth):
        nested = rf'[^"\\{{}}\[\]]|{text}|[{{\[](?:{nested})*[}}\]]'
    return rf'{text}|[{{\[](?:{nested})*[}}\]]|[^,{{}}\[\]"\\\s]+'


@dataclass(frozen=True)
class Names:
    """Which names of fields are private in a shop.

    Args:
        privacy: what the shop file adds to the list and takes from it.
        are_of_items: the fields describe goods, whose name is not private.

    Example:
        >>> Names(Privacy()).is_private("Billing E-Mail")
        True
    """

    privacy: Privacy
    are_of_items: bool = False

    def is_private(self, *names: str) -> bool:
        """Whether a field of one of these names is dropped or hashed; of a path, the last step and what is selected by count."""
        return any(re.fullmatch(self._pattern, word) for word in _words(names))

    def is_hashed(self, *names: str) -> bool:
        hashed = [_spaced(re.escape(name)) for name in self.privacy.hash]
        return any(re.fullmatch(pattern, word, re.IGNORECASE) for word in _words(names) for pattern in hashed)

    def without_private(self, json: str) -> str:
        """SQL: a JSON text with the values of private fields, at any depth, and what looks private in texts, replaced."""
        for quote, text in _JSON_TEXTS.items():
            name, value = f"{quote}({self._pattern}){quote}", _json_value(text, _JSON_DEPTH)
            key, value_key = f"{quote}key{quote}", f"{quote}value{quote}"
            patterns = {
                rf"{name}\s*:\s*(?:{value})": rf"{quote}\1{quote}:{quote}{DROPPED}{quote}",
                # as GA4 writes what it knows
                rf"{key}\s*:\s*{name}\s*,\s*{value_key}\s*:\s*(?:{value})": rf"{key}:{quote}\1{quote},{value_key}:{quote}{DROPPED}{quote}",
            }
            for pattern, replacement in patterns.items():
                json = f"regexp_replace({json}, {literal(pattern)}, {literal(replacement)}, 'g')"
        return without_private_text(json)

    @cached_property
    def _pattern(self) -> str:
        """A regular expression, the same in Python and in RE2."""
        kept = {_squeezed(name) for name in (*self.privacy.keep, *(("name",) if self.are_of_items else ()))}
        declared = [re.escape(name) for name in (*self.privacy.drop, *self.privacy.hash) if _squeezed(name) not in kept]
        names = [*(name for name in PRIVATE if _squeezed(name) not in kept), *declared]
        return f"(?i:{_spaced(_OWNERS)}(?:{'|'.join(map(_spaced, names))}))"


def without_private_text(text: str) -> str:
    """SQL: a text with what looks like an e-mail address, a phone number or an IP address replaced."""
    return f"regexp_replace({text}, {literal(_IN_TEXT)}, {literal(DROPPED)}, 'g')"


def traits(names: Names, columns: Mapping[str, str]) -> str:
    """SQL: the traits of a user, trait0, trait1, … of `columns` (name → path), as the text of a JSON object, with nothing private in it.

    A hashed one is `trait:` and its pseudonym (trait0_key, …); a dropped one is not there.
    """
    pairs = []
    for index, (name, path) in enumerate(columns.items()):
        value = f"trait{index}"
        if names.is_hashed(name, path):
            pairs.append(f"{literal(name)}, 'trait:' || {value}_key")
        elif not names.is_private(name, path):
            is_json = f"json_valid({value}) and left({value}, 1) in ('{{', '[')"
            pairs.append(f"{literal(name)}, case when {is_json} then {names.without_private(value)} else {without_private_text(value)} end")
    return f"json_object({', '.join(pairs)})::varchar"


def _words(names: Iterable[str]) -> list[str]:
    """The words that tell what a field is: 'user_properties[key=email].value' has 'value' and 'email'."""
    return [word for name in names for word in (name.rsplit(".", 1)[-1], *re.findall(r"=([^\[\]]+)\]", name))]


def _squeezed(name: str) -> str:
    """A name whose spelling does not matter: E-Mail and e_mail are one."""
    return re.sub(r"[ _$-]", "", name).lower()


def _spaced(name: str) -> str:
    return name.replace("_", "[ _$-]?")
