"""Who may see a page of `make up` that has no login of its own: HTTP's basic one, under the names of this machine only."""

import base64
import hmac

from services import environment

CHALLENGE = 'Basic realm="Nightcart"'


def expected(password: str) -> bytes:
    """The Authorization header of the user `admin`."""
    return b"Basic " + base64.b64encode(f"{environment.ADMIN}:{password}".encode())


def is_expected(given: bytes, wanted: bytes) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given, wanted)


def hosts(port: int) -> set[str]:
    """The Host headers that a browser on this machine sends; under another name, a page of somebody else would be asking."""
    return {f"{name}:{port}" for name in (environment.LOOPBACK, "localhost")}
