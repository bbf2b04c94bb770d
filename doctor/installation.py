"""What setup made: secrets, keys, and who may read what lies under `data/`."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import rotation
from doctor.finding import Finding
from settings import HMAC_KEY, Settings

# below serving/, a group may read, and everybody may pass through to the one file that is made for all
PUBLIC_FILE = "shop_public.duckdb"
NOT_IN_SERVING, NOT_OF_PUBLIC_FILE, NOT_OF_FOLDERS = 0o027, 0o022, 0o026


def examine(settings: Settings) -> Iterator[Finding]:
    yield from _secrets(settings)
    yield from _modes(settings)


def _secrets(settings: Settings) -> Iterator[Finding]:
    file = settings.secrets_file
    for place, allowed in ((settings.data, 0o700), (file, 0o600)):
        if not place.exists():
            yield Finding(place.name, False, f"{place} does not exist", "make setup")
            continue
        mode = place.stat().st_mode & 0o777
        yield Finding(place.name, mode & ~allowed == 0, f"mode {mode:04o}", f"chmod {allowed:o} {place}")
    given = "the environment" if os.environ.get(HMAC_KEY) else str(file)
    found = f"from {given}" if settings.hmac_keys else "missing"
    yield Finding("key of the pseudonyms", bool(settings.hmac_keys), found, "make setup; where a lake exists, put the old key back")
    yield from _rotation(settings)


def _rotation(settings: Settings) -> Iterator[Finding]:
    last = rotation.read(settings)
    if last is None:
        return
    left = "its files are half moved" if last.is_prepared else f"builds with older keys are left: {', '.join(last.old_builds)}"
    is_done = not last.is_prepared and not last.old_builds
    yield Finding("change of the key", is_done, "done" if is_done else left, "make rotate-key")
    if settings.hmac_keys and not last.is_prepared:
        is_same = rotation.fingerprint(settings.hmac_keys) == last.keys
        found = "is that of the data" if is_same else "is another than that of the data"
        yield Finding("key in use", is_same, found, f"unset {HMAC_KEY}, or bring it up to date with {settings.secrets_file}")


def _modes(settings: Settings) -> Iterator[Finding]:
    """The folder itself keeps others out already; a copy of it, or a backup, keeps only the modes within.

    What is delivered in landing/ has the modes of who delivers it; the folder is looked at, and closes them off.
    """
    private, builds = [], []
    for path, mode in _below(settings.data):
        if path.is_relative_to(settings.data / path.relative_to(settings.data).parts[0] / "serving"):
            refused = NOT_OF_FOLDERS if stat.S_ISDIR(mode) else NOT_OF_PUBLIC_FILE if path.name == PUBLIC_FILE else NOT_IN_SERVING
            builds += [path] if mode & refused else []
        elif mode & 0o077:
            private += [path]
    kept, quoted = "all for their owner only", f"'{settings.data}'"
    mend = f"find {quoted} \\( -path '*/serving' -o -path '*/landing/*' \\) -prune -o ! -type l -perm /077 -exec chmod go-rwx {{}} +"
    yield Finding("file modes", not private, _open(private) if private else kept, mend)
    kept, mend = "for their owner and group, read-only", f"find {quoted}/*/serving ! -type l -perm /027 -exec chmod g-w,o-rwx {{}} +"
    yield Finding("file modes of builds", not builds, _open(builds) if builds else kept, mend)


def _below(data: Path) -> Iterator[tuple[Path, int]]:
    """Every file and folder with its mode; the two that have a finding of their own, links, and what goes meanwhile are left out."""
    for folder, folders, names in os.walk(data):
        entries = [*folders, *names]
        folders[:] = [name for name in folders if name != "landing"]
        for name in entries:
            path = Path(folder) / name
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                continue
            if not stat.S_ISLNK(mode) and path != data / "secrets.env":
                yield path, mode


def _open(paths: list[Path]) -> str:
    return f"{len(paths)} open to others: {', '.join(map(str, paths[:3]))}{', …' if len(paths) > 3 else ''}"
