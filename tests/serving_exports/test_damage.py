"""A build that a disk has changed does not become current again; a publish that finds no room leaves the old one served."""

from datetime import date
from pathlib import Path

import pytest

import steps
from serving_exports.rollback import rollback
from tests.small_disk import mounted, refused_for_a_full_disk, run_without_looking

NIGHT, NEXT_NIGHT = date(2026, 6, 30), date(2026, 7, 1)


def change_a_byte(file: Path) -> None:
    file.chmod(0o640)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["shop.duckdb", "user_segments.parquet"])
def test_nobody_rolls_back_to_a_damaged_build(published_shop, name: str) -> None:
    change_a_byte(published_shop.builds.folder("2026-06-29-first") / name)
    with pytest.raises(steps.StepError, match=rf"build 2026-06-29-first is damaged \({name}\), and was not made current; there are: 2026"):
        rollback(published_shop.settings, published_shop.shop)
    assert published_shop.builds.current() == "2026-06-30-first"


def test_a_file_that_is_gone_is_named_too(published_shop) -> None:
    (published_shop.builds.folder("2026-06-29-first") / "report.html").unlink()
    with pytest.raises(steps.StepError, match=r"is damaged \(report.html\)"):
        rollback(published_shop.settings, published_shop.shop)


def test_a_build_that_was_left_by_a_killed_publish_is_looked_at_before_it_becomes_current(filled_shop) -> None:
    filled_shop.run("publish", "--run-date", str(NIGHT), fault="kill:publish.renamed")
    change_a_byte(filled_shop.builds.folder(f"{NIGHT}-first") / "shop.duckdb")
    with pytest.raises(steps.StepError, match=r"is damaged \(shop.duckdb\)"):
        filled_shop.publish()
    assert filled_shop.builds.current() is None


def test_a_publish_looks_first_whether_there_is_room(published_shop, snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    published_shop.build_serving(NEXT_NIGHT)
    before = snapshot(published_shop.builds.root)
    monkeypatch.setattr("disk_space.free_bytes", lambda folder: 1_000_000)
    with pytest.raises(steps.StepError, match="too little room for publish"):
        published_shop.publish(NEXT_NIGHT)
    assert snapshot(published_shop.builds.root) == before


def test_a_disk_that_runs_full_in_mid_publish_leaves_the_old_build_served(tmp_path: Path, shop_in, snapshot) -> None:
    with mounted(tmp_path / "disk", megabytes=64) as disk:
        shop = shop_in(disk.folder)
        shop.build_serving(NIGHT)
        shop.publish(NIGHT)
        shop.build_serving(NEXT_NIGHT)
        old = snapshot(shop.builds.folder(f"{NIGHT}-first"))
        publish = "serving_exports.publish", "--shop", str(shop.file), "--run-date", str(NEXT_NIGHT)

        disk.fill(free_bytes=200_000)
        done = run_without_looking(*publish, env=shop.environment)
        assert refused_for_a_full_disk(done), done.stderr
        assert shop.builds.current() == f"{NIGHT}-first"
        assert snapshot(shop.builds.folder(f"{NIGHT}-first")) == old

        disk.make_room()
        again = run_without_looking(*publish, env=shop.environment)
        assert again.returncode == 0, again.stderr
        assert shop.builds.current() == f"{NEXT_NIGHT}-first"
