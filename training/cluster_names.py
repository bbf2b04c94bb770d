"""What a group of people is called: what sets it apart from all."""

import numpy as np

CLEAR = 0.3  # standard deviations from the mean of all users that are worth a word
WORDS = 2

# the sides of a behaviour, by the column that shows it: what a group far above or far below the others is called
SIDES = {
    "order_count_365d": ("frequent buyers", "rare buyers"),
    "order_amount_365d": ("high spend", "low spend"),
    "days_since_last_event": ("long away", "here lately"),
    "view_count_90d": ("much browsing", "little browsing"),
    "mean_order_amount": ("large orders", "small orders"),
    "mean_item_price": ("expensive taste", "low-priced taste"),
    "category_count_90d": ("many categories", "few categories"),
    "tenure_days": ("old acquaintances", "newcomers"),
    "evening_share": ("evenings", "daytime"),
    "weekend_share": ("weekends", "weekdays"),
    "refund_count_90d": ("send back", "keep"),
}


def of_groups(centres: np.ndarray, sides: list[tuple[str, str]], kept: dict[int, str]) -> list[str]:
    """A name for each group, all different: the two words that tell most, more where two groups would be called the same.

    Args:
        centres: (groups, columns) means of the groups, in standard deviations from the mean of all users.
        sides: per column what a group far above or far below is called; '' for a side that says nothing.
        kept: names from the night before, by group; one stays for as long as each word of it is true.
    """
    telling = [_telling(centre, sides) for centre in centres]
    names: dict[int, str] = {group: name for group, name in kept.items() if set(name.split(", ")) <= set(telling[group])}
    for group, words in enumerate(telling):
        if group not in names:
            names[group] = _fresh(words, set(names.values()))
    return [names[group] for group in range(len(centres))]


def _telling(centre: np.ndarray, sides: list[tuple[str, str]]) -> list[str]:
    order = np.argsort(-np.abs(centre.round(6)), kind="stable")
    words = [sides[place][0 if centre[place] > 0 else 1] for place in order if abs(centre[place]) >= CLEAR]
    return [word for word in words if word]


def _fresh(telling: list[str], taken: set[str]) -> str:
    choices = [", ".join(telling[:count]) for count in range(WORDS, len(telling) + 1)] or telling or ["average"]
    fresh = [choice for choice in choices if choice not in taken]
    number = 2
    while not fresh and f"{choices[0]} ({number})" in taken:
        number += 1
    return fresh[0] if fresh else f"{choices[0]} ({number})"
