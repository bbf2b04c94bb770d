"""The last things that people did by each as-of day, step by step: what networks read beside the features of a row."""

from dataclasses import dataclass

import duckdb
import numpy as np

from training.history import EVENT_TYPES

BUCKETS = 500  # that names are hashed into; two that share one are taken for the same
LONGEST = 24  # steps that are read; most people's last months are shorter


@dataclass(frozen=True)
class Steps:
    """The steps of some rows, the newest first; where a row has fewer than others, its last places are empty.

    Args:
        name: (rows, steps) int32 bucket of the item's category, or of the item where that is unknown; 0 where empty.
        event: (rows, steps) int32 the strongest thing done, counted from 1 in the order of EVENT_TYPES; 0 where empty.
        days: (rows, steps, 2) float32 logarithms of one and the days to the as-of day, and to the step before.

    Example:
        >>> steps = load(connection, user_keys, as_of)
        >>> steps.take(np.array([0, 1]))
    """

    name: np.ndarray
    event: np.ndarray
    days: np.ndarray

    def __len__(self) -> int:
        return len(self.name)

    def newest(self, longest: int) -> "Steps":
        """The first of each row's places."""
        return Steps(self.name[:, :longest], self.event[:, :longest], self.days[:, :longest])

    def take(self, rows: np.ndarray) -> "Steps":
        return Steps(self.name[rows], self.event[rows], self.days[rows])


def load(connection: duckdb.DuckDBPyConnection, user_keys: np.ndarray, as_of: np.ndarray, longest: int = LONGEST) -> Steps:
    """Read what stands in `feat_sequences` of each (rows,) person and day; persons that it lacks have no step."""
    connection.register("asked", {"user_key": user_keys.astype(object), "as_of_date": as_of.astype("datetime64[s]")})
    found = connection.execute(
        f"""
        with numbered as (
            select row_number() over () - 1 as place, user_key::uuid as user_key, as_of_date::date as as_of_date from asked
        )

        select
            numbered.place,
            sequences.rank - 1 as step,
            1 + md5_number_lower(coalesce(nullif(items.category, ''), sequences.item_id)) % {BUCKETS} as name,
            list_position({list(EVENT_TYPES)}, sequences.event_type) as event,
            ln(1 + sequences.age_days) as age,
            ln(1 + greatest(coalesce(sequences.gap_seconds, 0), 0) / 86400.0) as gap,
        from numbered
        inner join feat_sequences as sequences
            on numbered.user_key = sequences.user_key and numbered.as_of_date = sequences.as_of_date
        left join int_items_as_of as items on sequences.item_id = items.item_id and sequences.as_of_date = items.as_of_date
        where sequences.rank <= {longest}
        """
    ).fetchnumpy()
    connection.unregister("asked")
    place = (found["place"].astype(int), found["step"].astype(int))
    steps = _empty(len(user_keys), longest)
    steps.name[place], steps.event[place] = found["name"], found["event"]
    steps.days[place] = np.column_stack([found["age"], found["gap"]])
    return steps


def _empty(rows: int, longest: int) -> Steps:
    shape = (rows, longest)
    return Steps(np.zeros(shape, np.int32), np.zeros(shape, np.int32), np.zeros((*shape, 2), np.float32))
