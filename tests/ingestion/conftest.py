"""Doors to deliver to: small shops with a landing folder and a lake of their own."""

from functools import partial

import pytest

from tests.ingestion.door import TILL, WEB, new_door


@pytest.fixture
def make_door(tmp_path):
    """Make a door for sources (as a shop file gives them) and checks."""
    return partial(new_door, tmp_path)


@pytest.fixture
def web_door(make_door):
    """A shop with one source of JSON lines, which refuses no file for its share of refused records."""
    return make_door(WEB, max_refused_share=1)


@pytest.fixture
def till_door(make_door):
    """A shop with one source of CSV, which refuses no file for its share of refused records."""
    return make_door(TILL, max_refused_share=1)
