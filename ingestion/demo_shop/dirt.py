"""Dirt: a few faulty, doubled and late records, each noted down.

| kind | share of events | what it is | what should become of it |
|---|---|---|---|
| duplicate_same_day | 0.08 % | a record again, some lines further down in its file | duplicate |
| duplicate_resent | 0.08 % | a record again, in a file of the next three days | duplicate |
| late | 0.10 % | a record that is only in a file one to five days later | lands |
| unknown_item | 0.06 % | a view of an item that the catalogue never has | lands, is not recommendable |
| broken_json | 0.05 % | a line cut off in the middle | refused |
| impossible_price | 0.08 % | a price below zero, of a thousand million, or of text | refused, an order as a whole |
| no_visitor | 0.05 % | neither user_id nor anonymous_id | refused |
| unknown_event_type | 0.05 % | an event that the shop file does not map | refused |

Refused and unknown_item records are additional ones, with ids of their own: what is clean stays whole.
"""

import json
from dataclasses import dataclass

import numpy as np

from ingestion.demo_shop.clicks import ADDED, ORDERED, VIEWED
from ingestion.demo_shop.config import SECONDS_PER_DAY
from ingestion.demo_shop.ids import scrambled
from ingestion.demo_shop.records import ID_DIGITS, Records
from ingestion.demo_shop.story import Story

SHARES = {
    "duplicate_same_day": 0.0008,
    "duplicate_resent": 0.0008,
    "late": 0.0010,
    "unknown_item": 0.0006,
    "broken_json": 0.0005,
    "impossible_price": 0.0008,
    "no_visitor": 0.0005,
    "unknown_event_type": 0.0005,
}
DUPLICATES = ("duplicate_same_day", "duplicate_resent")
IMPOSSIBLE_PRICES = (-19.99, 1e9, "on request")
FEWEST = 3  # of each kind, in however small a shop
EVENTS_PER_FAULT = 25  # or more, on each day: a night of one file stays below the shop file's checks.max_refused_share


@dataclass(frozen=True)
class Delivered:
    """One row per line of the event files, in order of file and line.

    Args:
        text: the line.
        kind: of dirt, '' for a clean line.
        event_id: '' where the line is broken.
        day: (lines,) of the file.
    """

    text: list[str]
    kind: list[str]
    event_id: list[str]
    day: np.ndarray


def delivered(story: Story, records: Records) -> Delivered:
    """All records as lines of the daily files, with the dirt in between."""
    config, at = story.config, story.clicks.at
    random = config.random("dirt")
    clean = [records[place] for place in range(len(records))]
    ids = [record["id"] for record in clean]
    text, kind, arrives = [_json(record) for record in clean], [""] * len(clean), at.tolist()
    new_ids = iter(scrambled("e", len(clean) + np.arange(len(clean)), ID_DIGITS, records.id_seed))
    for name, chosen in _chosen(config, story.clicks, random).items():
        for count, place in enumerate(chosen.tolist()):
            if name == "late":
                kind[place], arrives[place] = name, _later(at[place], 5, random)
                continue
            record = clean[place] if name in DUPLICATES else _spoilt(name, count, clean[place] | {"id": next(new_ids)})
            line = _json(record)
            is_cut = name == "broken_json"
            text.append(line[: len(line) * 2 // 3] if is_cut else line)
            ids.append("" if is_cut else record["id"])
            kind.append(name)
            arrives.append(_later(at[place], 3 if name == "duplicate_resent" else 0, random))
    return _in_files(text, kind, ids, np.array(arrives))


def _in_files(text, kind, ids, arrives) -> Delivered:
    order = np.argsort(arrives, kind="stable")
    return Delivered(*([column[place] for place in order.tolist()] for column in (text, kind, ids)), arrives[order] // SECONDS_PER_DAY)


def _chosen(config, clicks, random) -> dict[str, np.ndarray]:
    """Events for each kind of dirt; none is chosen twice, nor of the last days, so that nothing arrives after them."""
    day = clicks.at // SECONDS_PER_DAY
    is_free = day < config.days - 6
    room = np.bincount(day) // EVENTS_PER_FAULT
    suitable = {"unknown_item": clicks.kind == VIEWED, "impossible_price": np.isin(clicks.kind, (ADDED, ORDERED))}
    chosen = {}
    for name, share in SHARES.items():
        count = round(max(FEWEST, share * len(day)) * config.dirt)
        pool = random.permutation(np.flatnonzero(is_free & suitable.get(name, True)))
        chosen[name] = _spread(pool, day, room, count)
        is_free[chosen[name]] = False
    return chosen


def _spread(pool: np.ndarray, day: np.ndarray, room: np.ndarray, count: int) -> np.ndarray:
    """The first `count` of the pool whose days have room left, in order of time; takes the room away."""
    chosen = []
    for at in pool.tolist():
        if len(chosen) < count and room[day[at]] > 0:
            room[day[at]] -= 1
            chosen.append(at)
    return np.sort(np.array(chosen, dtype=int))


def _later(at: int, days: int, random: np.random.Generator) -> int:
    """A moment of one of the next days; of the same day, minutes later, for 0."""
    midnight = at // SECONDS_PER_DAY * SECONDS_PER_DAY
    if days == 0:
        return min(at + random.integers(1, 600), midnight + SECONDS_PER_DAY - 1)
    return midnight + random.integers(1, days + 1) * SECONDS_PER_DAY + random.integers(0, SECONDS_PER_DAY)


def _spoilt(kind: str, place: int, record: dict) -> dict:
    """A record with the fault of its kind; `place` counts within the kind and varies the fault."""
    if kind == "unknown_item":
        return record | {"item_id": f"9{place % 7:04d}"}
    if kind == "no_visitor":
        return {name: value for name, value in record.items() if name not in ("user_id", "anonymous_id")}
    if kind == "unknown_event_type":
        return record | {"event": ("page_scrolled", "product_zoomed", "chat_opened")[place % 3]}
    if kind == "impossible_price":
        price = {"price": IMPOSSIBLE_PRICES[place % 3]}
        if "lines" not in record:
            return record | price
        return record | {"order_id": f"{record['order_id']}x", "lines": [*record["lines"][:-1], record["lines"][-1] | price]}
    return record


def _json(record: dict) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
