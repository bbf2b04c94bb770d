"""The link `serving/current`: moved in one step, and every move written down in `serving/flips.jsonl`."""

import json
from datetime import UTC, datetime
from pathlib import Path

from faults import fault_point
from serving_exports.builds import Builds
from settings import sync


def flip(builds: Builds, build_id: str, why: str) -> None:
    """Point `current` at a whole build; whoever opens it finds the old build or the new one, never neither.

    The link is relative, so the whole data folder can be moved or mounted elsewhere.
    """
    before = builds.current()
    new = builds.link.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.symlink_to(Path("builds") / build_id)
    fault_point("flip.linked")
    new.replace(builds.link)
    sync(builds.root)
    fault_point("flip.moved")
    _record(builds, before, build_id, why, datetime.now(UTC))


def log(builds: Builds) -> list[dict]:
    """Every flip, the oldest first: {"at": UTC time, "from": build or null, "to": build, "why": text}."""
    file = _log_file(builds)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def complete_log(builds: Builds) -> None:
    """Write down the flip of a publish that was killed right after it, so that the log has no gap."""
    current, flips = builds.current(), log(builds)
    last = flips[-1]["to"] if flips else None
    if current is not None and current != last:
        moved_at = datetime.fromtimestamp(builds.link.lstat().st_mtime, UTC)
        _record(builds, last, current, "cut short before it was written down", moved_at)


def was_current(builds: Builds, build_id: str) -> bool:
    return any(entry["to"] == build_id for entry in log(builds))


def previous(builds: Builds) -> str | None:
    """The build that was current before the current one was published; None for the first.

    It is taken from the flip that first led to the current build: later ones to it are roll-backs, and what they came
    from is what somebody wanted to leave.
    """
    current = builds.current()
    return next((entry["from"] for entry in log(builds) if entry["to"] == current), None)


def _record(builds: Builds, before: str | None, after: str, why: str, moved_at: datetime) -> None:
    entry = {"at": moved_at.isoformat(timespec="milliseconds"), "from": before, "to": after, "why": why}
    lines = [json.dumps(line) for line in [*log(builds), entry]]
    new = _log_file(builds).with_suffix(".new")
    new.write_text("\n".join(lines) + "\n")
    new.chmod(0o640)
    sync(new)
    new.replace(_log_file(builds))
    sync(builds.root)


def _log_file(builds: Builds) -> Path:
    return builds.root / "flips.jsonl"
