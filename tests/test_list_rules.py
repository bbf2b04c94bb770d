"""No published row breaks a rule of the shop file, and lists are full: the models' SQL over random shops, judged in plain Python."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import duckdb
import pytest
from pydantic import ValidationError

from shop import Recommendations
from tests.lake_by_hand import key
from tests.models_by_hand import rendered

NIGHT = date(2026, 3, 30)
CATEGORIES = [None, "Home", "Home > Cups", "Home > Pots", "Women's > Shoes", "Food > Tea", "Food > Coffee"]
BRANDS = [None, "x", "y", "z"]
PIPELINE = (
    "feat_exclusions", "excluded_items", "int_predicted_recommendations", "int_popular_items", "int_fallback_recommendations",
    "int_new_item_recommendations", "user_recommendations",
)  # fmt: skip
COLUMNS = {
    "int_as_of_dates": "purpose varchar, as_of_date date",
    "int_items_as_of": "as_of_date date, item_id varchar, category varchar, brand varchar, price decimal(18, 4), stock_quantity integer, "
    "is_active boolean, is_in_catalogue boolean, last_sold_date date",
    "int_people_as_of": "purpose varchar, as_of_date date, visitor_key uuid, user_key uuid",
    "int_user_eligibility": "user_key uuid, is_eligible boolean",
    "fct_order_items": "visitor_key uuid, item_id varchar, is_refund boolean, event_date date, event_at timestamptz",
    "fct_events": "actor_key uuid, item_id varchar, event_type varchar, event_date date, event_at timestamptz",
    "feat_interactions": "as_of_date date, user_key uuid, item_id varchar, weight double, last_event_type varchar",
    "feat_item_pairs": "as_of_date date, relation varchar, item_id varchar, other_item_id varchar, score double",
    "feat_user_snapshots": "as_of_date date, user_key uuid, top_category varchar, top_brand varchar",
    "dim_item_history": "item_id varchar, valid_from date",
    "user_recommendations": "user_key uuid, rank integer, item_id varchar, score double, reason varchar, reason_item_id varchar, "
    "model_name varchar, model_version varchar",
}


def literals(row: tuple) -> str:
    values = (
        "null" if value is None else value if isinstance(value, float) else "'{}'".format(str(value).replace("'", "''")) for value in row
    )
    return f"({', '.join(map(str, values))})"


@dataclass
class RandomShop:
    """Items, people and what they did, and the rules that their lists must keep."""

    seed: int
    rows: dict[str, list[tuple]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def __post_init__(self) -> None:
        chance = self.chance = random.Random(self.seed)
        self.rules = Recommendations(
            k=chance.choice([3, 5, 10]),
            exclude_bought_within_days=chance.choice([0, 5, 30]),
            exclude_in_cart_within_days=chance.choice([0, 4, 14]),
            exclude_refunded_within_days=chance.choice([0, 20]),
            min_stock=chance.choice([0, 1, 3]),
            min_price=chance.choice([0, 4.5]),
            blocked_categories=chance.choice([(), ("Food",), ("Women's > Shoes", "Home > Cups")]),
            max_per_category=chance.choice([None, None, 1, 2, 4]),
            max_per_brand=chance.choice([None, None, 2, 3]),
            new_items_per_list=chance.choice([0, 1, 2]),
        )
        self.users = [key(number) for number in range(8)]
        self.items = {f"i{number:02d}": self._item(f"i{number:02d}") for number in range(chance.choice([6, 25, 60]))}
        for user in self.users:
            self._live(user)
        names = list(self.items)
        self.rows["feat_item_pairs"] += [(NIGHT, "similar", *chance.sample(names, 2), chance.random()) for _ in range(40)]
        self.rows["int_as_of_dates"].append(("recommendations", NIGHT))

    def _item(self, name: str) -> dict[str, object]:
        chance = self.chance
        item = {"category": chance.choice(CATEGORIES), "brand": chance.choice(BRANDS), "price": chance.choice([None, 2, 4.5, 9])}
        item |= {"stock": chance.choice([None, 0, 1, 3, 5]), "is_active": chance.random() < 0.9}
        known = (item["category"], item["brand"], item["price"], item["stock"], item["is_active"], True, None)
        self.rows["int_items_as_of"].append((NIGHT, name, *known))
        self.rows["dim_item_history"].append((name, NIGHT - timedelta(days=chance.choice([0, 10, 100, 200, 200, 200]))))
        return item

    def _live(self, user: str) -> None:
        chance, names = self.chance, list(self.items)
        self.rows["int_people_as_of"].append(("recommendations", NIGHT, user, user))
        self.rows["int_user_eligibility"].append((user, chance.random() < 0.8))
        for item in chance.sample(names, chance.randrange(0, len(names) // 2)):
            self.rows["feat_interactions"].append(
                (NIGHT, user, item, chance.random(), chance.choice(["product_viewed", "order_completed"]))
            )
        for _ in range(chance.randrange(12)):
            item, day = chance.choice(names), NIGHT - timedelta(days=chance.randrange(40))
            kind = chance.choice(["product_added", "product_added", "product_removed", "order_completed", "order_refunded"])
            at = datetime.combine(day, datetime.min.time()) + timedelta(minutes=chance.randrange(1440))
            self.rows["fct_events"].append((user, item, kind, day, f"{at}+00"))
            if kind.startswith("order_"):
                self.rows["fct_order_items"].append((user, item, kind == "order_refunded", day, f"{at}+00"))
        self.rows["feat_user_snapshots"].append((NIGHT, user, chance.choice(CATEGORIES), chance.choice(BRANDS)))
        candidates = chance.sample(names, min(len(names), chance.choice([0, 3, 40])))
        made_by = (0.5, "popular", None, "item_knn", "1")
        self.rows["user_recommendations"] += [(user, place, item, *made_by) for place, item in enumerate(candidates, 1)]

    def published(self) -> list[dict]:
        """The rows of user_recommendations, made by the models' own SQL."""
        rules = self.rules.model_dump() | {"run_date": f"{NIGHT}", "shop": "tiny"}
        with duckdb.connect() as connection:
            connection.execute("set threads = 1")
            for name, columns in COLUMNS.items():
                connection.execute(f"create table {name} ({columns})")
                if self.rows[name]:
                    connection.execute(f"insert into {name} values {', '.join(map(literals, self.rows[name]))}")
            connection.execute(f"create table recommendable_items as {rendered('recommendable_items', **rules)}")
            connection.execute(
                """
                create table feat_items as
                select *, case when is_recommendable then row_number() over (partition by is_recommendable order by md5(item_id)) end
                    as popularity_rank
                from (select *, item_id in (select item_id from recommendable_items) as is_recommendable from int_items_as_of)
                """
            )
            for model in PIPELINE:
                if model == "user_recommendations":  # until here the model's candidates, which bear the same name
                    connection.execute("drop table user_recommendations")
                connection.execute(f"create table {model} as {rendered(model, **rules)}")
            found = connection.execute("from user_recommendations order by user_key, rank")
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) | {"user_key": str(row[0])} for row in found.fetchall()]

    def may_be_shown(self, name: str) -> bool:
        item, rules = self.items[name], self.rules
        category = item["category"] or ""
        is_blocked = any(category == blocked or category.startswith(f"{blocked} > ") for blocked in rules.blocked_categories)
        is_cheap = item["price"] is not None and item["price"] < rules.min_price
        is_sold_out = item["stock"] is not None and item["stock"] < rules.min_stock
        return item["is_active"] and not (is_blocked or is_cheap or is_sold_out)

    def forbidden_to(self, user: str) -> set[str]:
        """By the events in their order: bought or refunded lately, or in the cart."""
        events = sorted((row for row in self.rows["fct_events"] if row[0] == user), key=lambda row: (row[4], row[2]))
        found, cart = set(), set()
        for _, item, kind, day, _ in events:
            age = (NIGHT - day).days
            if kind == "order_completed":
                found |= {item} if age < self.rules.exclude_bought_within_days else set()
            if kind == "order_refunded":
                found |= {item} if age < self.rules.exclude_refunded_within_days else set()
            if age < self.rules.exclude_in_cart_within_days:
                cart = set() if kind == "order_completed" else cart
                cart |= {item} if kind == "product_added" else set()
                cart -= {item} if kind == "product_removed" else set()
        return found | cart


def more_fits(shop: RandomShop, shown: list[str], item: str) -> bool:
    """Whether the caps leave room for the item in a list."""
    for column, cap in (("category", shop.rules.max_per_category), ("brand", shop.rules.max_per_brand)):
        value = shop.items[item][column]
        if cap and value is not None and sum(shop.items[other][column] == value for other in shown) >= cap:
            return False
    return True


@pytest.mark.parametrize("seed", range(40))
def test_no_published_row_breaks_a_rule_and_lists_are_full(seed: int) -> None:
    shop = RandomShop(seed)
    rows, rules = shop.published(), shop.rules
    eligible = {user for user, is_eligible in shop.rows["int_user_eligibility"] if is_eligible}
    lists = {user: [row for row in rows if row["user_key"] == user] for user in shop.users}
    open_items = {name for name in shop.items if shop.may_be_shown(name)}
    assert {row["user_key"] for row in rows} <= eligible
    for user in eligible:
        shown = [row["item_id"] for row in lists[user]]
        allowed = open_items - shop.forbidden_to(user)
        assert [row["rank"] for row in lists[user]] == list(range(1, len(shown) + 1)), "ranks have no gap"
        assert len(shown) == len(set(shown)) <= rules.k
        assert set(shown) <= allowed
        for column, cap in (("category", rules.max_per_category), ("brand", rules.max_per_brand)):
            counts = Counter(shop.items[item][column] for item in shown if shop.items[item][column])
            assert not cap or max(counts.values(), default=0) <= cap
        if len(shown) < rules.k:  # 60 items are few enough that all that could fill a list is looked at
            assert not [item for item in allowed - set(shown) if more_fits(shop, shown, item)]
        assert sum(row["fallback_level"] == 4 for row in lists[user]) <= rules.new_items_per_list
        history = {item for _, owner, item, *_ in shop.rows["feat_interactions"] if owner == user}
        for row in lists[user]:
            assert (row["reason_item_id"] in history) == row["reason"].startswith("because_") == (row["fallback_level"] == 1)
            assert (row["model_name"] is not None) == (row["fallback_level"] == 0)


def test_random_shops_meet_every_rule_and_every_level() -> None:
    """The test above would prove little if a rule never applied."""
    shops = [RandomShop(seed) for seed in range(40)]
    levels = Counter(row["fallback_level"] for shop in shops[:12] for row in shop.published())
    assert set(levels) == {0, 1, 2, 3, 4}
    assert sum(bool(shop.rules.max_per_category and shop.rules.max_per_brand) for shop in shops) >= 4
    assert sum(bool(shop.forbidden_to(user)) for shop in shops for user in shop.users) > 100
    assert sum(not shop.may_be_shown(item) for shop in shops for item in shop.items) > 100


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ({"max_per_brand": 0}, "max_per_brand"),
        ({"min_price": -1}, "min_price"),
        ({"exclude_in_cart_within_days": -1}, "exclude_in_cart_within_days"),
        ({"blocked_categories": ["Food>Tea"]}, "not a category path like 'Gifts > Cards': 'Food>Tea'"),
        ({"blocked_categories": [" "]}, "not a category path"),
        ({"k": 3, "new_items_per_list": 3}, "new_items_per_list: must be below k, which is 3"),
        ({"max_per_colour": 1}, "max_per_colour"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(rules: dict, fault: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(fault)):
        Recommendations.model_validate(rules)
