"""The CSV files: catalogue and users as the shop delivers them, and the truth that stays behind."""

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np

from ingestion.demo_shop import bot
from ingestion.demo_shop.dirt import Delivered
from ingestion.demo_shop.people import COUNTRIES, PERSONAS
from ingestion.demo_shop.records import Names
from ingestion.demo_shop.story import Story


def write_catalogue(folder: Path, story: Story) -> None:
    """One file for each delivery, with the items that the shop has by then."""
    folder.mkdir()
    goods, header = story.catalogue, "item_id,title,description,category,brand,price,currency,stock_quantity,is_active"
    for period, day in enumerate(story.config.deliveries):
        listed = np.flatnonzero(goods.is_listed[period])
        rows = (
            (
                goods.ids[item], goods.titles[item], goods.description(item), goods.path(item), goods.brand_name(item),
                f"{goods.prices[period, item] / 100:.2f}", story.config.currency, goods.stock[period, item],
                _boolean(goods.is_active[period, item]),
            )
            for item in listed
        )  # fmt: skip
        _write(folder / f"{story.config.date_of(day)}.csv", header, rows)


def write_users(folder: Path, story: Story, names: Names) -> None:
    """One file for each delivery, with the users that have signed up by then and what they agree to."""
    folder.mkdir()
    people, config = story.people, story.config
    for day in config.deliveries:
        rows = (
            (
                names.users[user], *COUNTRIES[people.country[user]][:2], config.date_of(people.joined[user]),
                _boolean(day < people.refuses_from[user]), names.contacts.emails[user], names.contacts.phones[user],
            )
            for user in np.flatnonzero(~people.is_guest & (people.joined <= day))
        )  # fmt: skip
        _write(folder / f"{config.date_of(day)}.csv", "user_id,country,language,signup_date,consent_personalization,email,phone", rows)


def write_truth(folder: Path, story: Story, names: Names, lines: Delivered) -> None:
    """What the files of landing do not say: see the package's docstring."""
    people, goods, config = story.people, story.catalogue, story.config
    users = np.flatnonzero(~people.is_guest)
    _write(
        folder / "users.csv",
        "user_id,persona,churn_date,purchase_gap_days",
        (
            (names.users[user], PERSONAS[people.persona[user]].name, _date(story, people.leaves[user]), f"{people.gap[user]:.1f}")
            for user in users
        ),
    )
    contacts = (names.contacts.emails, names.contacts.phones, names.contacts.addresses)
    _write(folder / "contacts.csv", "email,phone,ip", zip(*contacts, strict=True))
    pairs = [(item, other) for item, other in enumerate(goods.partner) if item < other]
    _write(folder / "bundles.csv", "item_id,other_item_id", ((goods.ids[item], goods.ids[other]) for item, other in pairs))
    _write(folder / "devices.csv", "anonymous_id,user_id", _devices(story, names))
    _write(
        folder / "bots.csv",
        "anonymous_id,date,events",
        ((names.device(bot.BOT), config.date_of(day), config.bot_events) for day in bot.days(config)),
    )
    _write(folder / "dirt.csv", "kind,file,line,event_id", _dirt(story, lines))


def _devices(story: Story, names: Names) -> Iterable[tuple]:
    visits = story.visits
    for person, which in np.unique(np.stack([visits.person, visits.device], axis=1), axis=0):
        yield names.device(person, which), "" if story.people.is_guest[person] else names.users[person]


def _dirt(story: Story, lines: Delivered) -> Iterable[tuple]:
    first = np.searchsorted(lines.day, np.arange(story.config.days))
    for at, kind in enumerate(lines.kind):
        if kind:
            day = lines.day[at]
            yield kind, f"events/{story.config.date_of(day)}.jsonl", at - first[day] + 1, lines.event_id[at]


def _date(story: Story, day: float) -> date | str:
    return story.config.date_of(day) if np.isfinite(day) else ""


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _write(file: Path, header: str, rows: Iterable[tuple]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
