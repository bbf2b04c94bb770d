"""The one writer lock of a shop."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import rotation
import steps
from settings import Settings
from shop import Shop


@contextmanager
def lock(settings: Settings, shop: Shop, step: str, changes_key: bool = False) -> Iterator[None]:
    """Hold the shop's one writer lock; a dead holder's lock is free, since the kernel drops it with the process.

    Args:
        changes_key: the step is the one that may go on with an interrupted change of the key.

    Raises:
        StepError: another process holds it; says which step, which process, since when. Or a change of the key forbids
            to write (`rotation.refuse_beside`).
    """
    path = settings.paths(shop.name).lock
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = path.read_text().strip() or "another process"
            raise steps.StepError(f"the lock of shop {shop.name} is held by {holder}; nothing was written") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{step} (process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC)".encode())
        if not changes_key:
            rotation.refuse_beside(settings)
        yield
    finally:
        os.close(descriptor)
