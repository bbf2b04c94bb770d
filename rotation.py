"""What a change of the key leaves for all others to see: whether one was interrupted, and which keys the data are made with.

`data/key-rotation.json` holds it, without any key; there is none before the first change. `make rotate-key` writes it,
and whoever takes a shop's lock reads it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from settings import HMAC_KEY, Settings, write_private
from steps import StepError


@dataclass(frozen=True)
class Rotation:
    """The last change of the key.

    Args:
        keys: fingerprint of the keys that all shops' data are made with now, or, where `is_prepared`, soon.
        is_prepared: every file is written anew and moves into place: nothing else may write.
        old_builds: shop to the names of the builds made with older keys, until they are gone.
    """

    keys: str
    is_prepared: bool
    old_builds: dict[str, list[str]] = field(default_factory=dict)


def fingerprint(keys: Sequence[bytes]) -> str:
    """A short name of a chain of keys, from which no key can be told."""
    return hashlib.sha256(b"nightcart keys" + ",".join(key.hex() for key in keys).encode()).hexdigest()[:16]


def read(settings: Settings) -> Rotation | None:
    """The last change of the key; None before the first."""
    file = _file(settings)
    return Rotation(**json.loads(file.read_text())) if file.exists() else None


def write(settings: Settings, rotation: Rotation) -> None:
    """Note it, in one step; it is on the disk before anything later happens."""
    write_private(_file(settings), json.dumps(asdict(rotation), indent=1) + "\n")


def refuse_beside(settings: Settings) -> None:
    """Make sure that a step, which holds a shop's lock, may write.

    Raises:
        StepError: a change of the key was interrupted, or took place after the step read its settings (it may hold old
            pseudonyms in memory), or the step has another key than the data.
    """
    last = read(settings)
    if last is None:
        return
    if last.is_prepared:
        raise StepError("a key rotation was interrupted: run `make rotate-key` to finish it; nothing was written")
    if settings.hmac_keys and fingerprint(settings.hmac_keys) != last.keys:
        raise StepError(
            f"the shops' data are made with another key than this step has; nothing was written. Either the key was changed "
            f"since the step began: run it again. Or the environment holds an old {HMAC_KEY}: bring it up to date, or unset it "
            f"and let {settings.secrets_file} give the key"
        )


def _file(settings: Settings) -> Path:
    return settings.data / "key-rotation.json"
