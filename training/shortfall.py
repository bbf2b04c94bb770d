"""Why something is not trained or not scored: too little data is a result, and tables say so."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shortfall:
    """One reason.

    Args:
        code: in a word, as `user_predictions.ineligible_reason` has it.
        sentence: with the figures.
    """

    code: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence
