"""Tables with a row per item, of which a training step moves only the rows that it needs.

A step of Keras' Adam moves every row of a table, even those whose gradient is 0. Here the whole tables, and the moments of each
of their rows, lie in the host's memory as arrays. A step takes the rows that it needs into the variables of a small network,
lets Keras train that, and puts them back: other rows cost nothing, and keep their moments until they are needed (what
TensorFlow Addons called LazyAdam). Nothing here is of one backend, and the tables may be larger than a GPU's memory.
"""

from typing import Any

import numpy as np


class LazyRows:
    """Variables that hold some rows of tables.

    Args:
        variables: (places, …) each, of a network; all have as many places.
        tables: (items, …) the arrays that they hold rows of; they are changed in place.
        optimizer: of that network, already built; its moments of the variables are taken in and put back too.

    Example:
        >>> rows = LazyRows([network.own], [vectors], network.optimizer)
        >>> rows.take_in(items)
        >>> network.train_on_batch(batch)  # whose items are places in `items`
        >>> rows.put_back(items)
    """

    def __init__(self, variables: list[Any], tables: list[np.ndarray], optimizer: Any) -> None:
        self.held = list(zip(variables, tables, strict=True))
        for variable, table in zip(variables, tables, strict=True):
            prefix = variable.path.replace("/", "_") + "_"
            self.held += [(slot, np.zeros_like(table)) for slot in optimizer.variables if slot.name.startswith(prefix)]

    def take_in(self, items: np.ndarray) -> None:
        """Rows of `items` (places,) or fewer into the first places; the others are 0."""
        for variable, table in self.held:
            rows = np.zeros(variable.shape, table.dtype)
            rows[: len(items)] = table[items]
            variable.assign(rows)

    def put_back(self, items: np.ndarray) -> None:
        from keras import ops

        for variable, table in self.held:
            table[items] = ops.convert_to_numpy(variable)[: len(items)]
