"""What the doctor says of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, what was found, and the line that mends it."""

    topic: str
    is_well: bool
    found: str
    mend: str = ""
