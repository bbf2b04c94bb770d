"""Promote: move the alias `champion` to the night's challenger where it is better beyond chance, and say why or why not.

python -m training.promote recommendations purchase_7d --shop shops/demo.yml --run-date 2026-06-30
"""

import sys
from argparse import Namespace
from datetime import UTC, date, datetime, timedelta

import steps
import warehouse
from faults import fault_point
from settings import Settings
from shop import Shop
from training import champions, tracking
from training.recipes import Recipe
from training.train import GAINS_FILE, NIGHT_FILE

RUNS_KEPT = timedelta(days=90)  # a night of the demo leaves 23 MB in MLflow; a champion's run stays for good


def promote(settings: Settings, shop: Shop, run_date: date, name: str) -> str:
    """Decide on the newest finished training of the night, act on it, and return the summary line.

    Deciding again changes nothing: a version is registered once, and the night is compared with the champion before it.

    Raises:
        StepError: the night was not trained.
    """
    store = tracking.Store(settings, shop.name, name)
    run_id = store.finished(stage="night", run_date=run_date.isoformat())
    if store.is_away:
        return f"promote {name} {shop.name} {run_date}: {_postponed(store, run_id)}"
    if run_id is None:
        raise steps.StepError(f"no finished training of {name} for {run_date}: run `python -m training.train {name}` first")
    summary = f"promote {name} {shop.name} {run_date}"
    night_tags = store.tags(run_id)
    if night_tags["is_trained"] != "True":
        return f"{summary}: no decision, {night_tags['result']}"
    night = store.read_json(run_id, NIGHT_FILE)
    decision = champions.decide(night, store.read_arrays(run_id, GAINS_FILE)["gains"])
    fault_point("promote.decided")
    version = _version(store, night, decision, run_date)
    fault_point("promote.registered")
    where = _point_alias(store, version, run_date) if version else "there is no champion yet"
    fault_point("promote.aliased")
    number = version.number if version else None
    run = store.reopen(run_id)
    run.log(tags={"decision": decision.sentence, "champion_after": number or "", "alias_moved": decision.moves})
    run.log_json({"sentence": decision.sentence, "moves": decision.moves, "version": number, **decision.evidence}, "decision.json")
    store.forget(datetime.now(UTC) - RUNS_KEPT, run_date)
    return f"{summary}: {decision.sentence}; {where}"


def _postponed(store: tracking.Store, run_id: str | None) -> str:
    """No decision without the registry: the champion last known stays."""
    number = store.champion()
    stays = f"{store.versions()[number].recipe.model}, version {number}, stays champion" if number else "and no champion is known"
    sentence = f"MLflow is away: {stays}"
    if run_id:
        store.reopen(run_id).log(tags={"decision": sentence})
    return sentence


def _version(store: tracking.Store, night: dict, decision: champions.Decision, run_date: date) -> tracking.Version | None:
    """The version in force after the decision, registered if this night is the first to need it; None where there is none."""
    versions = store.versions()
    replaces = night["champion_before"]
    if not decision.moves:
        return versions[replaces] if replaces else None
    winner = night["candidates"][decision.candidate]
    recipe = Recipe(winner["model"], winner["params"])
    for version in versions.values():
        if (version.run_date, version.recipe, version.replaces) == (run_date, recipe, replaces):
            return version
    return store.register(recipe, run_date, replaces, winner["run_id"])


def _point_alias(store: tracking.Store, version: tracking.Version, run_date: date) -> str:
    """Point the alias at the version, unless it stands at one of a later night."""
    current = store.versions().get(store.champion() or 0)
    if current and current.run_date > run_date:
        return f"the alias stays at version {current.number} of {current.run_date}, a later night"
    if current is None or current.number != version.number:
        store.set_champion(version.number)
    return f"champion is version {version.number}"


def _run(settings: Settings, shop: Shop, run_date: date, options: Namespace) -> str:
    with warehouse.lock(settings, shop, "promote"):  # two at once could leave the alias at the older night's version
        return "\n".join(promote(settings, shop, run_date, name) for name in options.tasks)


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.add_argument("tasks", nargs="+", help="recommendations, or targets of the shop file")
    steps.run(parser, _run)


if __name__ == "__main__":
    sys.exit(main())
