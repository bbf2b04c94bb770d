"""Pseudonyms of visitors: the first 128 bits of HMAC-SHA-256(key, 'user:<namespace>:<id>'), or 'anon:…', as a UUID.

Where the key was changed there is a chain of keys, and each later one maps the pseudonym on:
the first 128 bits of HMAC-SHA-256(later key, the 16 bytes of the pseudonym so far). So what landed can be mapped on too.

DuckDB computes them, once per distinct id. A key reaches it only as bound parameters (its two padded forms), so it
stands in no SQL text, and in no error message.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import duckdb

Kind = Literal["user", "anon"]
NAMED = "(user|anon|trait):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # how a pseudonym stands in quarantine's and in traits' texts
_BLOCK = 64  # bytes, of SHA-256


def visitor_key(keys: Sequence[bytes], kind: Kind, namespace: str, raw_id: str) -> UUID:
    """The pseudonym of one raw id under a chain of keys, the oldest first, by Python's own HMAC.

    Example:
        >>> visitor_key([bytes(16)], "user", "demo", "42")
        UUID('d6322dce-98e2-824d-6f10-1b035aefa7a5')
    """
    message = f"{kind}:{namespace}:{raw_id}".encode()
    for key in keys:
        message = hmac.digest(key, message, "sha256")[:16]
    return UUID(bytes=message)


def make_visitors(connection: duckdb.DuckDBPyConnection, keys: Sequence[bytes], namespace: str, ids: str) -> None:
    """Make the table `visitors` (kind, id, base, tag, key) of the distinct (kind, id) that the SQL query `ids` gives.

    `key` is the pseudonym; `base` that of the first key alone, which no later change of the key moves: what has to
    stay the same for ever, like the content hash of a record that is delivered again, is made of its `tag`: the first 64
    bits as text, which is short, and tells visitors apart well enough among events of one content.
    """
    chained = "base"
    for number in range(1, len(keys)):
        chained = _mapped_on(chained, number)
    connection.execute(
        f"""
        create or replace temp table visitors as
        select kind, id, base, left(base::varchar, 18) as tag, {chained} as key
        from (
            select kind, id, {_hmac("encode(kind || ':' || $namespace || ':' || id)", 0)} as base
            from (select distinct kind, id from ({ids}))
        )
        """,
        {"namespace": namespace} | parameters(keys),
    )


def mapped_on(key: str) -> str:
    """SQL: what the first of the keys in `parameters` makes of a pseudonym, a UUID; null of null."""
    return _mapped_on(key, 0)


def mapped_on_in_text(text: str) -> str:
    """SQL: a text with each named pseudonym in it (`user:<uuid>`) mapped on; all else stays as it is, null too."""
    part = "split_part(name, ':', {})"
    names = f"list_transform({_found('extract_all', text)}, lambda name: {part.format(1)} || ':' || {mapped_on(part.format(2) + '::uuid')})"
    pieces = f"list_zip({_found('split_to_array', text)}, {names})"  # what stands between names is one more than they are
    joined = f"array_to_string(list_transform({pieces}, lambda piece: piece[1] || coalesce(piece[2], '')), '')"
    return f"case when {text} is not null then {joined} end"


def parameters(keys: Sequence[bytes]) -> dict[str, bytes]:
    """The parameters that the SQL of this module takes: the inner and the outer pad of each key."""
    padded = [(hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\x00") for key in keys]
    pads = {"inner": 0x36, "outer": 0x5C}
    return {f"{name}{number}": bytes(byte ^ pad for byte in key) for number, key in enumerate(padded) for name, pad in pads.items()}


def _found(how: str, text: str) -> str:
    return f"regexp_{how}({text}, '{NAMED}')"


def _mapped_on(key: str, number: int) -> str:
    return _hmac(f"{key}::blob", number)  # a UUID's blob is its 16 bytes, in the order of its digits


def _hmac(message: str, number: int) -> str:
    """SQL: the first 128 bits of the HMAC of a blob, as a UUID."""
    return f"left(sha256($outer{number} || unhex(sha256($inner{number} || {message}))), 32)::uuid"
