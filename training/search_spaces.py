"""Which parameters of which models the weekly search tries, and between what; the others stay at their defaults.

What a model's own `tuned` finds out each night (epochs, the head, half-lives of a grid) is not here.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Number:
    """A parameter from `low` to `high`; of `is_log`, each doubling is as likely as the next. Whole numbers where both are."""

    low: float
    high: float
    is_log: bool = False

    def suggested(self, trial: Any, name: str) -> float:
        suggest = trial.suggest_int if isinstance(self.low, int) and isinstance(self.high, int) else trial.suggest_float
        return suggest(name, self.low, self.high, log=self.is_log)


SPACES: dict[str, dict[str, Number]] = {
    "item_knn": {"neighbours": Number(20, 500, is_log=True)},
    "spectral": {
        "rank": Number(32, 1024, is_log=True),
        "user_exponent": Number(0.0, 0.5),
        "item_exponent": Number(0.2, 0.6),
        "history_exponent": Number(0.1, 0.6),
        "shown_exponent": Number(0.0, 0.5),
        "filter_exponent": Number(0.0, 0.6),
        "neighbours": Number(50, 500, is_log=True),
        "neighbour_weight": Number(0.0, 1.5),
        "neighbour_history_exponent": Number(0.6, 1.1),
        "neighbour_shown_exponent": Number(0.1, 0.5),
        "half_life_days": Number(7.0, 180.0, is_log=True),
        "least_weight": Number(0.02, 0.5, is_log=True),
    },
    "softmax_factorization": {
        "dimensions": Number(16, 256, is_log=True),
        "hidden_share": Number(0.2, 0.8),
        "dropout": Number(0.0, 0.4),
        "learning_rate": Number(2e-3, 3e-2, is_log=True),
        "weight_decay": Number(1e-4, 1e-1, is_log=True),
        "half_life_days": Number(7.0, 180.0, is_log=True),
        "least_weight": Number(0.02, 0.5, is_log=True),
    },
}
