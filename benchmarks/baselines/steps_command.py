"""What the three classic steps answer, and how a library's version of one is run: alone in its process, over one Parquet file.

The rows: visitor, event_at (UTC), event_type, item_id, order_id, amount. Days are those of the shop's zone. The steps:

sessions   30 minutes of silence between two events of a visitor end a session
rfm        per visitor: days since the last order, and the orders, their lines' amount and the views of four windows of days
pairs      items bought together: in how many orders, from three on

Each answers with few figures of its whole result (counts, sums, sums of squares), which must be equal in all libraries.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks.generated_lake import RUN_DATE

WINDOWS = (7, 30, 90, 365)
LEAST_SUPPORT = 3
SILENCE_MINUTES = 30

Step = Callable[[Path, date, str], dict[str, float]]


def main(steps: dict[str, Step], description: str | None) -> None:
    """Run the step that the command line names; print its seconds, from opening the file to the answer, and the answer."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=steps)
    parser.add_argument("rows", type=Path)
    parser.add_argument("zone")
    options = parser.parse_args()
    began = time.monotonic()
    answer = steps[options.step](options.rows, RUN_DATE, options.zone)
    print(json.dumps({"seconds": time.monotonic() - began, "answer": rounded(answer)}))


def rounded(answer: dict[str, float]) -> dict[str, float]:
    """To cents: amounts are whole numbers of the currency, so that each library's sums are exact."""
    return {name: round(float(value), 2) for name, value in answer.items()}
