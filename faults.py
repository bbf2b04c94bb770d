"""Points where a test may kill the process, to see what a power cut there would leave behind.

    NIGHTCART_FAULT=kill:publish.renamed python -m serving_exports.publish …

Unless that variable is set, a point does nothing.
"""

import os
import signal


def fault_point(name: str) -> None:
    """Kill this process with SIGKILL, as nothing can be caught or tidied then, if `NIGHTCART_FAULT` is `kill:<name>`."""
    if os.environ.get("NIGHTCART_FAULT") == f"kill:{name}":
        os.kill(os.getpid(), signal.SIGKILL)
