"""Stop what `make up` started, with all that it started, and nothing else.

python -m services.down
"""

import sys

from services import environment, processes
from settings import Settings


def down(settings: Settings) -> int:
    """Returns how many processes were ended; a task that was running is told to end, and its night goes on after the next `up`."""
    file = environment.services_file(settings)
    ended = processes.stop(processes.recorded(file))
    file.unlink(missing_ok=True)
    return ended


def main() -> None:
    try:
        ended = down(Settings.from_environment())
    except ValueError as error:
        sys.exit(f"down: {error}")
    print(f"down: ended {ended} processes" if ended else "down: nothing was running")


if __name__ == "__main__":
    main()
