"""How long a whole first night takes, task by task, and how much memory all its processes take together.

python -m benchmarks.night                 # the demo shop, then Online Retail up to 2011-11-30 where its files are
python -m benchmarks.night --quick         # the demo shop only

Each night is the real one: `python -m services.nightly` on a data folder of its own, that is thrown away. Limits: the demo
in 360 s; Online Retail in 600 s and 6 GB (resident, all processes of the night added up).
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

import shop as shops
from settings import PROJECT_ROOT, Settings

SAMPLE_SECONDS = 0.5
DONE = re.compile(r"^(\w+)\s+done in ([\d.]+) s", re.MULTILINE)


@dataclass
class Night:
    """One measured night; `tasks` holds the seconds of each task."""

    shop: str
    most_seconds: float
    most_gigabytes: float
    seconds: float = 0.0
    peak_gigabytes: float = 0.0
    tasks: dict[str, float] = field(default_factory=dict)

    @property
    def is_within_limits(self) -> bool:
        return self.seconds <= self.most_seconds and self.peak_gigabytes <= self.most_gigabytes


def measured(night: Night, *arguments: str) -> Night:
    """Run the night and fill in what it took.

    Raises:
        SystemExit: the night failed; its output is printed.
    """
    with tempfile.TemporaryDirectory(prefix="nightcart-benchmark-") as folder, (Path(folder) / "output").open("w+") as output:
        environment = os.environ | {"NIGHTCART_DATA": str(Path(folder) / "data")}
        began = time.monotonic()
        process = psutil.Popen(
            [sys.executable, "-m", "services.nightly", *arguments], cwd=PROJECT_ROOT, env=environment, stdout=output, stderr=output
        )
        while process.poll() is None:
            night.peak_gigabytes = max(night.peak_gigabytes, _resident_bytes(process) / 1e9)
            time.sleep(SAMPLE_SECONDS)
        night.seconds = time.monotonic() - began
        text = Path(output.name).read_text()
        if process.returncode != 0:
            sys.exit(f"the night of {night.shop} failed:\n{text}")
        night.tasks = {task: float(seconds) for task, seconds in DONE.findall(text)}
    return night


def _resident_bytes(process: psutil.Process) -> int:
    """Of a process and all its descendants; one that ended meanwhile counts nothing."""
    total = 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for member in family:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def nights(is_quick: bool) -> list[Night]:
    """Measure the demo, and Online Retail unless asked to be quick or its files are absent."""
    found = [measured(Night("demo", 360, 6), "--shop", "shops/demo.yml")]
    online_retail = shops.read(PROJECT_ROOT / "shops" / "online_retail.yml")
    landing = online_retail.landing_folder(Settings.from_environment())
    if not is_quick and landing.exists():
        shop = ("--shop", "shops/online_retail.yml", "--run-date", "2011-11-30")
        found.append(measured(Night("online_retail", 600, 6), *shop))
    elif not is_quick:
        print(f"Online Retail is left out: {landing} does not exist (docs/real-shop.md)", file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the demo shop only")
    found = nights(parser.parse_args().quick)
    for night in found:
        print(
            f"{night.shop}: {night.seconds:.0f} s (limit {night.most_seconds:.0f}), {night.peak_gigabytes:.2f} GB ({night.most_gigabytes})"
        )
        for task, seconds in night.tasks.items():
            print(f"  {task:<24}{seconds:>8.1f} s")
    print(json.dumps([asdict(night) for night in found]))
    sys.exit(0 if all(night.is_within_limits for night in found) else 1)


if __name__ == "__main__":
    main()
