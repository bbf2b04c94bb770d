"""Pseudonyms of visitors: the first 128 bits of HMAC-SHA-256(key, 'user:<namespace>:<id>'), or 'anon:…', as a UUID.

DuckDB computes them, once per distinct id. The key reaches it only as bound parameters (its two padded forms), so it
stands in no SQL text, and in no error message.
"""

import hashlib
import hmac
from typing import Literal
from uuid import UUID

import duckdb

Kind = Literal["user", "anon"]
_BLOCK = 64  # bytes, of SHA-256


def visitor_key(key: bytes, kind: Kind, namespace: str, raw_id: str) -> UUID:
    """The pseudonym of one raw id, by Python's own HMAC.

    Example:
        >>> visitor_key(bytes(16), "user", "demo", "42")
        UUID('d6322dce-98e2-824d-6f10-1b035aefa7a5')
    """
    return UUID(bytes=hmac.digest(key, f"{kind}:{namespace}:{raw_id}".encode(), "sha256")[:16])


def make_visitors(connection: duckdb.DuckDBPyConnection, key: bytes, namespace: str, ids: str) -> None:
    """Make the table `visitors` (kind, id, key) of the distinct (kind, id) that the SQL query `ids` gives."""
    padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\x00")
    connection.execute(
        f"""
        create or replace temp table visitors as
        select
            kind, id,
            left(sha256($outer || unhex(sha256($inner || encode(kind || ':' || $namespace || ':' || id)))), 32)::uuid as key
        from (select distinct kind, id from ({ids}))
        """,
        {
            "namespace": namespace,
            "inner": bytes(byte ^ 0x36 for byte in padded),
            "outer": bytes(byte ^ 0x5C for byte in padded),
        },
    )
