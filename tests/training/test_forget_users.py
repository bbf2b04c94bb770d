"""What MLflow holds of the comparisons names no user."""

import numpy as np

from training import tracking
from training.forget_users import forget_users
from training.train import GAINS_FILE


def test_the_lists_of_users_go_and_the_gains_stay(fresh_place):
    store = tracking.Store(fresh_place.settings, fresh_place.shop.name, "recommendations")
    with store.run("night", {"stage": "night"}) as old, store.run("fit", {"stage": "test"}, old.id) as fit:
        old.log_arrays(GAINS_FILE, units=np.array(["a-key", "another-key"]), gains=np.arange(4).reshape(2, 2))
        fit.log_json({"a": 1}, "night.json")
    with store.run("night", {"stage": "night"}) as new:
        new.log_arrays(GAINS_FILE, gains=np.arange(2))
    assert forget_users(fresh_place.settings, fresh_place.shop).endswith("of 1 runs")
    assert {name: values.tolist() for name, values in store.read_arrays(old.id, GAINS_FILE).items()} == {"gains": [[0, 1], [2, 3]]}
    assert store.read_arrays(new.id, GAINS_FILE)["gains"].tolist() == [0, 1]
    assert forget_users(fresh_place.settings, fresh_place.shop).endswith("of 0 runs")
