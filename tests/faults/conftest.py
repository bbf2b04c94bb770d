"""The stages that faults are played on: each is made once per process, and put back before every case."""

import pytest

from tests.faults.stage import RealStage, Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The tiny shop before a night, with the steps in forks and the stub trainer."""
    made = Stage(tmp_path_factory.mktemp("stage"))
    made.make()
    return made


@pytest.fixture(scope="session")
def real_stage(tmp_path_factory: pytest.TempPathFactory) -> RealStage:
    """The tiny shop before a night, with the steps as Airflow starts them."""
    made = RealStage(tmp_path_factory.mktemp("real_stage"))
    made.make()
    return made
