"""What is predicted: each target is declared once, here or in a shop file, and all that follows is the same for every one."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt

from sources import Part

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<operator><>|!=|<=|>=|[=<>+*%,]|-(?!-)|/(?!\*)|\b(?:and|or|not|is|in|between)\b)
        |(?P<bracket>[()])
        |(?P<value>'(?:[^']|'')*'|\d+(?:\.\d+)?\b|(?!current_|local|session_|user\b)[a-z_][a-z0-9_]*)
    )""",
    re.VERBOSE | re.IGNORECASE,
)


def _of_columns(text: str) -> str:
    """An expression of columns, numbers, quoted words, comparisons and sums: it can call nothing and read nothing else.

    A shop file is data, and this text becomes a part of a query. A query within it needs two words side by side, a
    function a word before a bracket, and leaving its place a comment or a bracket that was not opened. Functions that
    SQL calls without brackets, such as current_date, are the wall clock's and the user's.

    Raises:
        ValueError: there is something else in it.
    """
    depth, last, at = 0, "operator", 0
    end = len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"{text!r} has {text[at:].strip()[:12]!r}: allowed are columns, numbers, 'words', comparisons and sums")
        kind, found = token.lastgroup, token[0].strip()
        depth += {"(": 1, ")": -1}.get(found, 0)
        if depth < 0 or (last == "value" and (kind == "value" or found == "(")):
            raise ValueError(f"{text!r} has {found!r} where an operator is due: it may call no function and hold no query")
        last, at = "value" if found == ")" else "operator" if found == "(" else kind, token.end()
    if depth or last != "value":
        raise ValueError(f"{text!r} does not end: a bracket or a value is missing")
    return text


Expression = Annotated[str, AfterValidator(_of_columns)]


class Target(Part):
    """A question about the days after a snapshot, with a yes or no, or an amount, for an answer.

    Args:
        name: the task, the registered model, and what tables call it.
        horizon_days: length of the window that the answer is about.
        kind: whether a calibrated chance is published, or an expected amount.
        per: what a row is of: a person, or a person and one of the top categories.
        label: the answer, an SQL expression of columns of feat_user_labels (of feat_category_labels, per category).
        population: who is asked about, an SQL expression of columns of feat_user_snapshots (feat_category_snapshots).
        outside: why others have no prediction, in a word.
        models: the candidates; empty for all that can answer.
        fewest_positives: answers that are not 0 among those a fit learns from; with fewer, the target is not trained.
        fewest_people: different people among them; with fewer, neither.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")
    horizon_days: PositiveInt
    kind: Literal["probability", "value"] = "probability"
    per: Literal["user", "category"] = "user"
    label: Expression
    population: Expression = "true"
    outside: str = Field(default="outside_population", pattern=r"^[a-z][a-z0-9_]*$")
    models: tuple[str, ...] = ()
    fewest_positives: PositiveInt = 50
    fewest_people: PositiveInt = 100


DECLARED = {
    target.name: target
    for target in (
        Target(name="purchase_7d", horizon_days=7, label="is_purchaser"),
        Target(name="purchase_30d", horizon_days=30, label="is_purchaser"),
        Target(
            name="churn_30d",
            horizon_days=30,
            label="is_silent",
            # with a usual gap that is over before the window is: their silence would be more than their rhythm
            population="days_since_last_order + 30 > mean_days_between_orders",
            outside="no_purchase_due",
            models=("base_rate", "logistic_regression", "gradient_boosting"),
        ),
        Target(name="value_90d", horizon_days=90, kind="value", label="order_amount"),
        Target(
            name="category_purchase_7d",
            horizon_days=7,
            per="category",
            label="is_purchaser",
            models=("base_rate", "gradient_boosting"),
        ),
    )
}
