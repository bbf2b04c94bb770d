"""Points where a test may break the process, to see what a power cut, a full disk or a hung task there would leave behind.

    NIGHTCART_FAULT=kill:publish.renamed python -m serving_exports.publish …     # SIGKILL, as by a power cut
    NIGHTCART_FAULT=enospc:land.moved python -m ingestion.land …                 # the disk is full from here on
    NIGHTCART_FAULT=hang:train.fitted python -m training.train …                 # nothing more is heard of it

Unless that variable is set, a point does nothing.
"""

import errno
import os
import signal
import time

FOREVER_SECONDS = 3600  # longer than any test waits


def fault_point(name: str) -> None:
    """Do what `NIGHTCART_FAULT=<what>:<name>` asks for at this point.

    Raises:
        OSError: it asks for `enospc`: as a write to a full disk does.
        ValueError: it asks for what there is not; a test that misspells a fault must not pass.
    """
    what, _, where = os.environ.get("NIGHTCART_FAULT", "").partition(":")
    if where != name:
        return
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)  # nothing can be caught or tidied then
    elif what == "enospc":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    elif what == "hang":
        time.sleep(FOREVER_SECONDS)
    else:
        raise ValueError(f"NIGHTCART_FAULT={what}:{name}: kill, enospc or hang")
