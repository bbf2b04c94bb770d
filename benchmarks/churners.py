"""Whether the demo shop's planted churners are warned of, and whether its chances mean what they say.

python -m benchmarks.churners                # the demo shop, three of its targets, to the published table
python -m benchmarks.churners --quick        # a third of its people, churn_30d alone, without a limit

Each step is the night's own command. Limit: of the people with a published churn_30d, those whom the truth has silent by the run
date rank above those who will still come after the 30 days, with an AUC of at least 0.85. Expected calibration errors on the test
snapshot stand beside what a perfectly calibrated model stays below, 19 times of 20; one that is outside is said, and is no fault.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
from datetime import date, timedelta

import numpy as np

import shop as shops
import warehouse
from benchmarks import planted
from benchmarks.processes import measured
from ingestion.demo_shop import DemoShop
from settings import PROJECT_ROOT, Settings
from training import nights
from training.probability_metrics import auc

SHOP_FILE = PROJECT_ROOT / "shops" / "demo.yml"
CHURN, HORIZON_DAYS = "churn_30d", 30
TARGETS = (CHURN, "purchase_7d", "purchase_30d")
LEAST_AUC = 0.85


def night(settings: Settings, run_date: date, targets: tuple[str, ...], size: list[str]) -> None:
    """Make the demo shop and go through the night's steps, with these targets alone."""
    environment = {"NIGHTCART_DATA": str(settings.data), "NIGHTCART_HMAC_KEY": settings.hmac_keys[0].hex()}
    of_night = ["--run-date", run_date]
    taught = [[f"training.{verb}", target, *of_night] for target in targets for verb in ("train", "promote")]
    for step in (
        ["ingestion.demo_shop", *size],
        ["ingestion.land", *of_night],
        ["warehouse", "build", "features", *of_night],
        *taught,
        ["training.score", *of_night],
        ["warehouse", "build", "serving", *of_night],
    ):
        run, _ = measured(*step, "--shop", SHOP_FILE, environment=environment)
        print(f"{' '.join(map(str, step[:3]))}: {run.processor_seconds} s", file=sys.stderr)


def ranked(settings: Settings, shop: shops.Shop, run_date: date) -> dict[str, float]:
    """How well the published churn_30d tells who had gone by the run date from who still comes when its window is over."""
    with warehouse.reader(settings, shop, run_date) as connection:
        published = connection.execute(
            "select user_key::varchar, probability from user_predictions where target = ? and probability is not null", [CHURN]
        ).fetchall()
    truth = planted.users(settings, shop)
    leaves = {key: date.fromisoformat(row["churn_date"]) if row["churn_date"] else date.max for key, row in truth.items()}
    known = [(leaves[key], probability) for key, probability in published if key in leaves]
    gone = [probability for day, probability in known if day <= run_date]
    staying = [probability for day, probability in known if day > run_date + timedelta(days=HORIZON_DAYS)]
    outcome = np.repeat([1.0, 0.0], [len(gone), len(staying)])
    return {"gone": len(gone), "staying": len(staying), "auc": round(auc(outcome, np.array(gone + staying)), 4)}


def calibrated(settings: Settings, shop: shops.Shop, run_date: date, target: str) -> dict[str, float]:
    """The champion's figures on the test snapshot."""
    found = nights.load(settings, shop, run_date, target)
    if found.champion is None or found.record is None:
        sys.exit(f"{target} has no champion: {found.degraded}")
    champion = [each for each in found.record["candidates"] if each["model"] == found.champion.recipe.model]
    names = ("log_loss", "auc", "expected_calibration_error", "calibration_error_limit")
    return {"model": champion[0]["model"], **{name: champion[0]["test"][name] for name in names}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 users, churn_30d alone")
    options = parser.parse_args()
    size = ["--users", "1000", "--items", "200"] if options.quick else []
    targets = TARGETS[:1] if options.quick else TARGETS
    shop, run_date = shops.read(SHOP_FILE), DemoShop().last_day
    with tempfile.TemporaryDirectory(prefix="nightcart-benchmark-") as folder:
        settings = Settings.from_environment(dict(os.environ) | {"NIGHTCART_DATA": folder, "NIGHTCART_HMAC_KEY": secrets.token_hex(32)})
        night(settings, run_date, targets, size)
        found = ranked(settings, shop, run_date)
        figures = {target: calibrated(settings, shop, run_date, target) for target in targets}
    print(f"{CHURN}: {found['gone']} gone, {found['staying']} staying, AUC {found['auc']:.4f} (at least {LEAST_AUC})")
    for target, each in figures.items():
        error, limit = each["expected_calibration_error"], each["calibration_error_limit"]
        where = "within" if error <= limit else "outside"
        print(f"{target}: {each['model']}, log loss {each['log_loss']:.4f}, calibration error {error:.4f}, {where} the band ({limit:.4f})")
    is_within_limits = found["auc"] >= LEAST_AUC
    print(json.dumps({"churn": found, "calibration": figures, "is_within_limits": is_within_limits}))
    sys.exit(0 if is_within_limits or options.quick else 1)


if __name__ == "__main__":
    main()
