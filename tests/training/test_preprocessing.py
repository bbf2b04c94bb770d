import numpy as np
import pytest

from training.features import Features
from training.preprocessing import Encoder


def features(numbers, words=None) -> Features:
    numbers = np.array(numbers, dtype=float)
    words = np.full((len(numbers), 1), "red") if words is None else np.array(words)[:, None]
    return Features(tuple(f"n{place}" for place in range(numbers.shape[1])), numbers, ("colour",), words)


def test_a_number_becomes_its_place_among_the_training_rows():
    encoder = Encoder.fitted(features([[value] for value in range(101)]))
    places = encoder.numbers(features([[0], [25], [50], [100], [-7], [900]]))
    assert places[:, 0] == pytest.approx([-1, -0.5, 0, 1, -1, 1])


def test_many_equal_values_share_the_middle_of_their_places():
    encoder = Encoder.fitted(features([[0]] * 60 + [[value] for value in range(1, 41)]))
    place = encoder.numbers(features([[0]]))[0, 0]
    assert place == pytest.approx(-0.4, abs=0.03), "zeros fill the lower 60 %, so they stand at its middle"


def test_unknown_is_zero_with_an_indicator_only_where_training_had_unknowns():
    encoder = Encoder.fitted(features([[1, 1], [2, float("nan")], [3, 3], [4, 4]]))
    assert encoder.width == 3
    encoded = encoder.numbers(features([[float("nan"), float("nan")]]))
    assert encoded.tolist() == [[0, 0, 1]]


def test_rare_and_new_words_share_a_code():
    encoder = Encoder.fitted(features([[0]] * 45, ["red"] * 20 + ["blue"] * 22 + ["mauve"] * 3))
    codes = encoder.codes(features([[0]] * 4, ["blue", "red", "mauve", "never seen"]))
    assert codes[:, 0].tolist() == [1, 2, 0, 0]
    assert encoder.indicators(features([[0]] * 2, ["red", "mauve"])).tolist() == [[0, 1], [0, 0]]


def test_it_is_fitted_on_training_rows_only():
    """The same training rows give the same encoding, whatever rows are encoded later."""
    training = features([[value] for value in range(50)])
    before = Encoder.fitted(training).numbers(training)
    encoder = Encoder.fitted(training)
    encoder.numbers(features([[1e9]]))
    assert np.array_equal(encoder.numbers(training), before)


def test_it_comes_back_from_its_arrays():
    data = features([[value, float("nan")] for value in range(50)], ["red", "blue"] * 25)
    encoder = Encoder.fitted(data)
    again = Encoder.from_arrays(encoder.to_arrays())
    assert np.array_equal(again.numbers(data), encoder.numbers(data))
    assert np.array_equal(again.codes(data), encoder.codes(data))


def test_columns_without_any_known_value_do_no_harm():
    encoder = Encoder.fitted(features([[float("nan")]] * 5))
    encoded = encoder.numbers(features([[float("nan")], [3.0]]))
    assert encoded[0].tolist() == [0, 1]
    assert np.isfinite(encoded).all()
