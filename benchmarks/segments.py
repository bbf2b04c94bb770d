"""Whether the clusters find the demo shop's personas, and whether people stay in theirs from night to night.

python -m benchmarks.segments                # the demo shop, ten nights
python -m benchmarks.segments --quick        # a tenth of its people, three nights, without limits

Each night is built by the night's own command and clustered as scoring does it, with the night before as its memory. Limits, on
the last night: adjusted Rand index of clusters and personas at least 0.6, over the users whose persona is known; and of the people
who did nothing between two nights, at least 95 % keep their cluster, over all pairs of nights together.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
from sklearn.metrics import adjusted_rand_score

import shop as shops
import warehouse
from benchmarks import planted
from benchmarks.processes import measured
from ingestion.demo_shop import DemoShop
from settings import PROJECT_ROOT, Settings
from training import clusters, history, snapshots, tastes
from training.clusters import Clusters, Earlier

SHOP_FILE = PROJECT_ROOT / "shops" / "demo.yml"
LEAST_RAND, LEAST_KEPT = 0.6, 0.95


@dataclass(frozen=True)
class Night:
    """What one night found.

    Args:
        idle: people who were there the night before and did nothing since.
        kept: those of them who kept their cluster.
        adjusted_rand: of clusters and personas.
        seconds: to learn the tastes and find the clusters.
    """

    run_date: str
    people: int
    clusters: int
    idle: int
    kept: int
    adjusted_rand: float
    seconds: float


def night(settings: Settings, shop: shops.Shop, run_date: date, truth: dict[str, str], earlier: Earlier) -> tuple[Night, Earlier, Clusters]:
    """Build the night's features and find its clusters."""
    measured("warehouse", "build", "features", "--shop", SHOP_FILE, "--run-date", run_date, environment=_environment(settings))
    with warehouse.reader(settings, shop, run_date) as connection:
        window = history.load(connection, history.item_ids(connection), run_date)
        today = snapshots.of_day(connection, run_date)
    began = time.monotonic()
    liked = tastes.learned(window, today.user_keys)
    found = clusters.find(today.user_keys, today.features, today.words, liked, shop.segments.min_people, earlier)
    seconds = time.monotonic() - began
    group = dict(zip(today.user_keys.tolist(), found.member.tolist(), strict=True))
    did_nothing = today.features.column("days_since_last_event") > 0
    idle = [key for key, nothing in zip(group, did_nothing, strict=True) if nothing and key in earlier.group]
    known = [key for key in group if key in truth]
    rand = adjusted_rand_score([truth[key] for key in known], [group[key] for key in known])
    kept = sum(group[key] == earlier.group[key] for key in idle)
    row = Night(run_date.isoformat(), len(group), len(found.names), len(idle), kept, round(float(rand), 4), round(seconds, 1))
    return row, Earlier(group, found.names, max([earlier.highest, *found.names])), found


def _environment(settings: Settings) -> dict[str, str]:
    return {"NIGHTCART_DATA": str(settings.data), "NIGHTCART_HMAC_KEY": settings.hmac_keys[0].hex()}


def measured_nights(settings: Settings, shop: shops.Shop, count: int, size: list[str]) -> tuple[list[Night], Clusters]:
    """Make the demo shop, land it, and go through its last nights."""
    last = DemoShop().last_day
    measured("ingestion.demo_shop", "--shop", SHOP_FILE, *size, environment=_environment(settings))
    measured("ingestion.land", "--shop", SHOP_FILE, "--run-date", last, environment=_environment(settings))
    truth = {key: row["persona"] for key, row in planted.users(settings, shop).items()}
    earlier, rows = Earlier(), []
    for step in reversed(range(count)):
        row, earlier, found = night(settings, shop, last - timedelta(days=step), truth, earlier)
        print(f"{row.run_date}: {row.people} people, {row.clusters} clusters, {row.seconds} s", file=sys.stderr)
        rows.append(row)
    return rows, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="300 users, three nights")
    options = parser.parse_args()
    size = ["--users", "300", "--items", "90", "--days", "150"] if options.quick else []
    shop = shops.read(SHOP_FILE)
    with tempfile.TemporaryDirectory(prefix="nightcart-benchmark-") as folder:
        settings = Settings.from_environment(dict(os.environ) | {"NIGHTCART_DATA": folder, "NIGHTCART_HMAC_KEY": secrets.token_hex(32)})
        nights, found = measured_nights(settings, shop, 3 if options.quick else 10, size)
    print(f"{'night':<12}{'people':>8}{'clusters':>10}{'idle':>8}{'kept':>8}{'adjusted Rand':>15}{'seconds':>9}")
    for row in nights:
        print(f"{row.run_date:<12}{row.people:>8}{row.clusters:>10}{row.idle:>8}{row.kept:>8}{row.adjusted_rand:>15.3f}{row.seconds:>9.1f}")
    for number, name in found.names.items():
        print(f"cluster {number}: {name}, {int(np.sum(found.member == number))} people")
    kept, rand = sum(row.kept for row in nights) / sum(row.idle for row in nights), nights[-1].adjusted_rand
    print(f"{kept:.2%} of the idle kept their cluster (at least {LEAST_KEPT:.0%}); adjusted Rand {rand:.3f} (at least {LEAST_RAND})")
    is_within_limits = kept >= LEAST_KEPT and rand >= LEAST_RAND
    figures = {"kept": round(kept, 4), "adjusted_rand": rand, "is_within_limits": is_within_limits}
    print(json.dumps({"nights": [asdict(row) for row in nights], **figures}))
    sys.exit(0 if is_within_limits or options.quick else 1)


if __name__ == "__main__":
    main()
