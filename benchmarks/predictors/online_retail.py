"""Online Retail's purchase_30d as a night trains it: every candidate fitted to the same cut-off and judged on the same later snapshot."""

import tempfile
from datetime import date
from typing import Any

import shop as shops
from benchmarks.processes import measured
from settings import PROJECT_ROOT, Settings
from training import tasks
from training.bootstrap import interval_of_mean
from training.recipes import PREDICTORS, Recipe

SHOP_FILE = PROJECT_ROOT / "shops" / "online_retail.yml"
RUN_DATE = date(2011, 11, 30)
TARGET = "purchase_30d"
BASELINE, MOST_LOSS_ABOVE = "gradient_boosting", 0.01  # of log loss


def compared(is_quick: bool) -> dict[str, Any]:
    """Every candidate's standing (without the network, if quick), printed, and the faults."""
    judged = {}
    task = _task()
    for model in PREDICTORS["probability"][: -1 if is_quick else None]:
        recipe, _ = task.tuned(Recipe.default(model))
        judged[model] = task.judged(task.fitted(recipe, "test"), "test")
    print(f"\n{'Online Retail, ' + TARGET:<28}{'log loss':>9}{'AUC':>8}{'ECE':>8}{'limit':>8}{'gain of boosting (95 %)':>34}")
    gains = {}
    for model, each in judged.items():
        lost = judged[BASELINE].gains - each.gains
        gains[model] = [round(float(value), 4) for value in (lost.mean(), *interval_of_mean(lost))]
        figures = [each.metrics[name] for name in ("log_loss", "auc", "expected_calibration_error", "calibration_error_limit")]
        gain = f"{gains[model][0]:+.4f} ({gains[model][1]:+.4f} … {gains[model][2]:+.4f})"
        print(f"{model:<28}" + "".join(f"{value:>{width}.4f}" for value, width in zip(figures, (9, 8, 8, 8), strict=True)) + f"{gain:>34}")
    faults = [
        f"Online Retail: {model} is {gains[model][0]} above {BASELINE}, more than {MOST_LOSS_ABOVE}"
        for model in judged
        if model == "tabular_network" and gains[model][0] > MOST_LOSS_ABOVE
    ]
    return {"models": {model: each.metrics for model, each in judged.items()}, "gain_of_boosting": gains, "faults": faults}


def _task() -> tasks.Task:
    """The target's data, from a warehouse that is built anew."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"NIGHTCART_DATA": folder, "NIGHTCART_HMAC_KEY": "0" * 64}
        for module, *arguments in (["ingestion.land"], ["warehouse", "build", "features"]):
            measured(module, *arguments, "--shop", SHOP_FILE, "--run-date", RUN_DATE, environment=environment)
        return tasks.load(Settings.from_environment(environment), shops.read(SHOP_FILE), RUN_DATE, TARGET)
