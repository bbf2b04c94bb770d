"""Fits the drafts of several samples together: one landing folder, a name of its own for each source."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ingestion.draft_shop.drafts import Draft
from ingestion.draft_shop.file_names import below


def one_shop(drafts: Sequence[Draft]) -> tuple[list[Draft], Path]:
    """The drafts with file patterns below the folder that holds them all, and that folder."""
    landing = Path(os.path.commonpath([draft.pattern.landing for draft in drafts]))
    fitted: list[Draft] = []
    for draft in drafts:
        taken = sum(other.name.rstrip("0123456789_") == draft.name for other in fitted)
        name = f"{draft.name}_{taken + 1}" if taken else draft.name
        fitted.append(replace(draft, name=name, pattern=below(draft.pattern, landing)))
    return fitted, landing
