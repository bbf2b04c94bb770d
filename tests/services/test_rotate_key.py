"""What `make rotate-key` leaves to be done, and that it does each part once; the parts themselves are played."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import rotation
from rotation import Rotation
from services import rotate_key
from settings import HMAC_KEY, PROJECT_ROOT, Settings, read_keys, read_secrets
from steps import StepError

KEY = "00112233445566778899aabbccddeeff"


@dataclass
class Stage:
    """An installation with one published shop; the parts note that they were called, and do the little that matters here."""

    settings: Settings
    called: list[str] = field(default_factory=list)
    failing: str = ""

    @property
    def builds(self) -> Path:
        return self.settings.paths("demo").serving / "builds"

    def publish(self, name: str, run_date: str = "2026-06-30") -> None:
        (self.builds / name).mkdir(parents=True)
        (self.builds / name / "manifest.json").write_text(json.dumps({"run_date": run_date}))
        link = self.settings.paths("demo").serving / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("builds") / name)

    def part(self, settings: Settings, module: str, *arguments: str) -> None:
        words = [argument for argument in arguments if not argument.startswith(("--", "/"))]
        self.called.append(" ".join([module, *words]))
        if module == self.failing:
            raise StepError(f"{module} failed")
        if module == "ingestion.rekey":
            keys = read_keys(read_secrets(settings.secrets_file)[HMAC_KEY] + f",{len(self.called):032x}")
            settings.secrets_file.write_text(f"{HMAC_KEY}={','.join(key.hex() for key in keys)}\n")
            builds = sorted(build.name for build in self.builds.iterdir())
            rotation.write(settings, Rotation(rotation.fingerprint(keys), False, {"demo": builds}))
        if module == "serving_exports.publish":
            self.publish(f"new-{len(self.called)}", arguments[-1])
        if module == "serving_exports.expire":
            for name in words:
                shutil.rmtree(self.builds / name, ignore_errors=True)

    def keys(self) -> int:
        return len(read_keys(read_secrets(self.settings.secrets_file)[HMAC_KEY]))


@pytest.fixture
def stage(tmp_path, monkeypatch) -> Stage:
    environ = {"NIGHTCART_DATA": str(tmp_path / "data"), "NIGHTCART_SHOPS": str(tmp_path / "shops")}
    stage = Stage(Settings.from_environment(environ))
    stage.settings.data.mkdir()
    stage.settings.secrets_file.write_text(f"{HMAC_KEY}={KEY}\n")
    stage.settings.shops.mkdir()
    shutil.copy(PROJECT_ROOT / "shops" / "demo.yml", stage.settings.shops)
    stage.publish("old", "2026-06-30")
    monkeypatch.setattr(rotate_key, "_part", stage.part)
    return stage


RENEWED = [
    "warehouse build features 2026-06-30", "warehouse build serving 2026-06-30", "serving_exports.publish 2026-06-30",
    "serving_exports.expire old", "training.forget_users",
]  # fmt: skip


def test_the_key_is_changed_the_current_night_published_anew_and_the_old_build_deleted(stage):
    assert rotate_key.rotate(stage.settings).startswith("rotate-key: the key of demo is changed")
    assert stage.called == ["ingestion.rekey", *RENEWED]
    assert [build.name for build in stage.builds.iterdir()] == ["new-4"]
    assert rotation.read(stage.settings).old_builds == {}


@pytest.mark.parametrize("failing", ["warehouse", "serving_exports.publish", "serving_exports.expire", "training.forget_users"])
def test_what_failed_is_done_by_the_next_call_and_the_key_not_changed_again(stage, failing):
    stage.failing = failing
    with pytest.raises(StepError, match=f"{failing} failed"):
        rotate_key.rotate(stage.settings)
    stage.failing, before = "", len(stage.called)
    assert rotation.read(stage.settings).old_builds == {"demo": ["old"]}
    rotate_key.rotate(stage.settings)
    is_published = failing not in ("warehouse", "serving_exports.publish")
    assert stage.called[before:] == (
        [call for call in RENEWED if call.startswith(("serving_exports.expire", "training"))] if is_published else RENEWED
    )
    assert stage.keys() == 2
    assert [build.name for build in stage.builds.iterdir() if build.name == "old"] == []


def test_a_night_in_between_does_the_publishing(stage):
    stage.failing = "warehouse"
    with pytest.raises(StepError):
        rotate_key.rotate(stage.settings)
    stage.failing, before = "", len(stage.called)
    stage.publish("of-the-night", "2026-07-01")
    rotate_key.rotate(stage.settings)
    assert stage.called[before:] == ["serving_exports.expire old", "training.forget_users"]
    assert [build.name for build in stage.builds.iterdir()] == ["of-the-night"]


def test_an_interrupted_change_goes_to_the_step_that_finishes_it(stage):
    rotation.write(stage.settings, Rotation("0" * 16, True, {"demo": ["old"]}))
    rotate_key.rotate(stage.settings)
    assert stage.called == ["ingestion.rekey", *RENEWED]


def test_when_all_is_done_the_next_call_changes_the_key_again(stage):
    rotate_key.rotate(stage.settings)
    rotate_key.rotate(stage.settings)
    assert stage.called.count("ingestion.rekey") == 2
    assert stage.keys() == 3


def test_a_build_with_old_keys_is_never_left_as_the_current_one_silently(stage, monkeypatch):
    monkeypatch.setattr(stage, "publish", lambda *arguments: None)
    with pytest.raises(StepError, match="demo still serves old"):
        rotate_key.rotate(stage.settings)
    assert (stage.builds / "old").exists()


def test_a_shop_file_that_went_missing_is_asked_for_and_may_lie_elsewhere(stage, tmp_path):
    stage.failing = "warehouse"
    with pytest.raises(StepError):
        rotate_key.rotate(stage.settings)
    stage.failing = ""
    (stage.settings.shops / "demo.yml").rename(tmp_path / "elsewhere.yml")
    with pytest.raises(StepError, match=r"no shop file .*--shop"):
        rotate_key.rotate(stage.settings)
    rotate_key.rotate(stage.settings, [tmp_path / "elsewhere.yml"])
    assert rotation.read(stage.settings).old_builds == {}


def test_two_at_once_are_one_too_many(stage):
    with rotate_key._alone(stage.settings), pytest.raises(StepError, match="another `make rotate-key` is running"):
        rotate_key.rotate(stage.settings)
    assert stage.called == []
