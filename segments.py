"""The groups of a shop file: named segments by rules, and audiences over segments, habits and predictions."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from sources import Part

OTHER = "other"  # who matches no rule, or only one whose group would be too small to show
TAKEN = (OTHER, "arrived", "gone")  # the last two stand in segment_migrations for those who were or are in no segment

SCORES = ("rfm_recency", "rfm_frequency", "rfm_monetary")
# columns of feat_user_snapshots, known of any past day
NUMBERS = (
    *SCORES, "days_since_last_event", "tenure_days", "session_count_30d", "session_count_90d", "view_count_7d", "view_count_30d",
    "view_count_90d", "cart_count_7d", "cart_count_30d", "wishlist_count_30d", "checkout_count_7d", "open_cart_count",
    "abandoned_cart_count_30d", "days_since_last_order", "order_count_30d", "order_count_90d", "order_count_365d", "order_amount_30d",
    "order_amount_90d", "order_amount_365d", "mean_order_amount", "mean_days_between_orders", "order_lateness",
    "order_lateness_spreads", "refund_share_365d", "discount_share", "weekend_share", "evening_share", "category_count_90d",
)  # fmt: skip
# a target of people, or of one top category: category_purchase_7d in Kitchen
PREDICTION = r"^[a-z][a-z0-9_]*( in [^\x00-\x1f]{1,200})?$"
WORDS = ("lifecycle", "top_category", "top_brand", "usual_daypart")
GROUPS = ("segment", "cluster_name")  # of the night alone: audiences may ask for them, segments may not


def _name(name: str) -> str:
    if name != " ".join(name.split()) or not re.fullmatch(r"\w[\w '&+/-]{0,39}", name):
        raise ValueError(f"not a name of up to 40 letters, digits and spaces: {name!r}")
    return name


class Condition(Part):
    """One test of what is known of a person; a missing value meets `is_missing: true` alone."""

    column: Literal[(*NUMBERS, *WORDS)]
    at_least: float | None = Field(default=None, allow_inf_nan=False)
    at_most: float | None = Field(default=None, allow_inf_nan=False)
    one_of: tuple[str, ...] | None = Field(default=None, min_length=1)
    is_missing: bool | None = None

    @model_validator(mode="after")
    def _has_one_comparison(self) -> "Condition":
        (subject,) = self.model_fields_set & self.subjects() or ("column",)
        named = self.model_fields_set - self.subjects()
        if len(named) != 1:
            raise ValueError(f"a condition names exactly one comparison beside {subject}, not {sorted(named) or 'none'}")
        (comparison,) = named
        if comparison != "is_missing" and (comparison == "one_of") != (self.column in (*WORDS, *GROUPS)):
            kind = "numbers: at_least or at_most" if comparison == "one_of" else "words: one_of"
            raise ValueError(f"{getattr(self, subject)} holds {kind}, or is_missing")
        return self

    @classmethod
    def subjects(cls) -> set[str]:
        """The keys that say what is compared."""
        return {"column"}

    @property
    def words(self) -> str:
        """The condition as a reader of the table sees it."""
        if self.is_missing is not None:
            return f"{self.subject} is {'not ' * self.is_missing}known"
        if self.one_of is not None:
            return f"{self.subject} is {' or '.join(self.one_of)}"
        return f"{self.subject} at least {self.at_least:g}" if self.at_least is not None else f"{self.subject} at most {self.at_most:g}"

    @property
    def subject(self) -> str:
        return self.column.replace("_", " ")


class SegmentRule(Part):
    """People who meet all conditions belong to the segment, unless an earlier rule took them; several rules may share a name."""

    name: Annotated[str, AfterValidator(_name)]
    when: tuple[Condition, ...] = Field(min_length=1)


def _rule(name: str, **conditions: dict[str, object]) -> SegmentRule:
    return SegmentRule(name=name, when=[{"column": column, **comparison} for column, comparison in conditions.items()])


RULES = (
    _rule("champions", rfm_recency={"at_least": 4}, rfm_frequency={"at_least": 4}, rfm_monetary={"at_least": 4}),
    _rule("loyal", rfm_recency={"at_least": 3}, rfm_frequency={"at_least": 4}),
    _rule("potential VIP", rfm_recency={"at_least": 3}, rfm_monetary={"at_least": 4}),
    _rule("ready to buy", open_cart_count={"at_least": 1}, days_since_last_event={"at_most": 7}),
    _rule("new", tenure_days={"at_most": 29}),
    _rule("promising", rfm_recency={"at_least": 3}),
    _rule("at risk of high value", rfm_recency={"at_most": 2}, rfm_monetary={"at_least": 4}),
    _rule("one-time", order_count_365d={"at_most": 1}, rfm_recency={"at_most": 2}),
    _rule("cooling", rfm_recency={"at_least": 2}),
    _rule("dormant", rfm_recency={"at_most": 1}),
    _rule("dormant", days_since_last_event={"at_least": 90}),
    _rule("window shoppers", rfm_recency={"is_missing": True}),
)


class Segments(Part):
    """How people are told apart, and how few of a kind are still shown."""

    min_people: int = Field(default=20, ge=1)  # a smaller segment says more about persons than about a kind
    rules: tuple[SegmentRule, ...] = Field(default=RULES, min_length=1)

    @model_validator(mode="after")
    def _names_are_free(self) -> "Segments":
        taken = sorted({rule.name for rule in self.rules} & set(TAKEN))
        if taken:
            raise ValueError(f"rules: {', '.join(taken)}: taken already by what stands beside the rules")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Every segment once, in the order of the rules, and `other`."""
        return tuple(dict.fromkeys([*(rule.name for rule in self.rules), OTHER]))


class AudienceCondition(Condition):
    """A test of a person, of a group that the night found, or of a prediction: its `probability`, or its `percentile`.

    A prediction is named as its target, or as `TARGET in CATEGORY` where the target is about categories.
    """

    column: Literal[(*NUMBERS, *WORDS, *GROUPS)] | None = None
    probability: str | None = Field(default=None, pattern=PREDICTION)  # or its expected value
    percentile: str | None = Field(default=None, pattern=PREDICTION)

    @model_validator(mode="before")
    @classmethod
    def _has_one_subject(cls, content: object) -> object:
        named = sorted(cls.subjects() & content.keys()) if isinstance(content, dict) else ["column"]
        if len(named) != 1:
            raise ValueError(f"a condition names one of column, probability and percentile, not {', '.join(named) or 'none'}")
        return content

    @classmethod
    def subjects(cls) -> set[str]:
        return {"column", "probability", "percentile"}

    @property
    def subject(self) -> str:
        if self.column:
            return super().subject
        return f"probability of {self.probability}" if self.probability else f"percentile of {self.percentile}"


class Audience(Part):
    """Whom to address: people who meet all conditions, the best by the probability of `score` where not all can be.

    Args:
        id: names it in tables and campaigns: keep it.
        score: the prediction that members are ranked by.
        max_people: of the treated and the held out together.
        budget, cost_per_person: both or none; no more people than the budget pays for.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")
    name: str = Field(min_length=1, max_length=100)
    when: tuple[AudienceCondition, ...] = Field(min_length=1)
    score: str = Field(default="purchase_7d", pattern=PREDICTION)
    max_people: int | None = Field(default=None, ge=1)
    budget: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    cost_per_person: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _a_budget_has_a_price(self) -> "Audience":
        if (self.budget is None) != (self.cost_per_person is None):
            raise ValueError("budget and cost_per_person stand together")
        return self

    @property
    def segments(self) -> set[str]:
        """The segments that its conditions name."""
        return {name for condition in self.when if condition.column == "segment" for name in condition.one_of or ()}

    @property
    def predictions(self) -> set[str]:
        """The predictions that it cannot do without."""
        named = {condition.probability or condition.percentile for condition in self.when} - {None}
        return named | ({self.score} if self.cap is not None else set())

    @property
    def cap(self) -> int | None:
        """The most members; None for as many as meet the rule."""
        paid = [int(self.budget / self.cost_per_person + 1e-9)] if self.budget is not None else []
        return min([*paid, *([self.max_people] if self.max_people is not None else [])], default=None)

    @property
    def rule(self) -> str:
        """The conditions, the order and the cap in words."""
        best = f"; the best {self.cap} by {self.score}" if self.cap is not None else ""
        return ", ".join(condition.words for condition in self.when) + best
