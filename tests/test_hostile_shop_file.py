"""What a shop file may not say: it is data that becomes paths, commands and SQL."""

import copy
from pathlib import Path

import pytest
import yaml

import shop as shops
from settings import PROJECT_ROOT, Settings
from sources import Source, SourceFileError

SOUND = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text())
HOSTILE = ["{{ 7 * 7 }}", "$(id)", "a; touch x", "../x", "x'y", 'x"y', "a\nb", "X", ""]


def with_value(*place: str | int, value: object) -> dict:
    """The demo's shop file with one value replaced."""
    content = copy.deepcopy(SOUND)
    part = content
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    return content


def faults_of(content: dict) -> str:
    with pytest.raises(shops.PydanticError) as refused:
        shops.Shop.model_validate(content)
    return str(refused.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_names_folders_tasks_and_tables_is_plain_words(name):
    assert "name" in faults_of(with_value("name", value=name))
    assert "sources.0.name" in faults_of(with_value("sources", 0, "name", value=name))
    target = {"name": name, "horizon_days": 7, "label": "is_purchaser"}
    assert "predictions.targets.0.name" in faults_of(with_value("predictions", value={"targets": [target]}))


@pytest.mark.parametrize(
    "files",
    ["../events/*.csv", "a/../../*.csv", "/etc/*", "~/x.csv", "s3://bucket/{date}.csv", "https://example.com/x.csv", "file:///etc/passwd"],
)
def test_files_lie_under_the_landing_folder(files):
    assert "files: must stay under the landing folder" in faults_of(with_value("sources", 0, "files", value=files))


@pytest.mark.parametrize("landing", ["s3://bucket/landing", "http://example.com/landing"])
def test_the_landing_folder_is_one_of_this_machine(landing):
    assert "must be a folder of this machine" in faults_of(with_value("landing", value=landing))
    with pytest.raises(ValueError, match="NIGHTCART_LANDING_DEMO must be a folder of this machine"):
        Settings.from_environment({"NIGHTCART_LANDING_DEMO": landing})


@pytest.fixture
def source() -> Source:
    fields = {"event_type": {"default": "product_viewed"}, "columns": {"event_at": "at", "user_id": "user"}}
    return Source.model_validate({"name": "web", "format": "csv", "files": "*/*.csv", **fields})


def test_a_link_out_of_the_landing_folder_is_refused_and_one_within_is_not(source, tmp_path: Path):
    landing, outside = tmp_path / "landing", tmp_path / "outside"
    (landing / "web").mkdir(parents=True)
    outside.mkdir()
    (landing / "web" / "a.csv").write_text("at,user")
    (landing / "web" / "b.csv").symlink_to(landing / "web" / "a.csv")
    assert [file.name for file in source.files_in(landing)] == ["a.csv", "b.csv"]
    linked = tmp_path / "linked"
    linked.symlink_to(landing)
    assert len(source.files_in(linked)) == 2, "the folder itself may be a link"
    (outside / "secret.csv").write_text("at,user")
    for link, target in ((landing / "web" / "c.csv", outside / "secret.csv"), (landing / "folder", outside)):
        link.symlink_to(target)
        with pytest.raises(SourceFileError, match="is a link out of the landing folder"):
            source.files_in(landing)
        link.unlink()
