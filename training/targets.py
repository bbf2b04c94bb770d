"""What is predicted about users: each target is declared once, and the same code trains, calibrates and scores it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A yes-or-no question about the days after a snapshot.

    Args:
        name: the task, the registered model and the value of `user_predictions.target`.
        horizon_days: length of the window that the answer is about.
        label_table: has user_key and as_of_date, and a row for each snapshot row whose window is over.
        label_column: boolean, the answer.
        fewest_positives: in the training snapshots of a fit; with fewer, the target is not trained.
    """

    name: str
    horizon_days: int
    label_table: str
    label_column: str
    fewest_positives: int = 50


PURCHASE_7D = Target("purchase_7d", horizon_days=7, label_table="feat_purchase_labels", label_column="is_purchaser")

TARGETS = {target.name: target for target in (PURCHASE_7D,)}
