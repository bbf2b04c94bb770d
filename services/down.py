"""Stop what `make up` started, with all that it started, and nothing else.

python -m services.down
"""

import sys

from services import environment, processes, roster
from settings import Settings


def down(settings: Settings) -> int:
    """Returns how many processes were ended; a task that was running is told to end, and its night goes on after the next `up`."""
    file = environment.services_file(settings)
    # the supervisor first, and alone: it would start again what ends, and its last record names all that it started
    ended = sum(processes.end_alone(service) for service in processes.recorded(file) if service.name == roster.SUPERVISOR)
    ended += processes.stop(processes.recorded(file))
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
