"""Run one night by hand: the Airflow DAG of a shop, once, now, and show what it published.

    python -m services.nightly                                                     # the demo shop
    python -m services.nightly --shop shops/online_retail.yml --run-date 2011-11-30

The first call makes the secrets, the stores and the demo's files. Nothing is tried again: a failure shows at once.
"""

import json
import logging
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import psutil

import shop as shops
import steps
from services import environment, processes, roster, setup, tidy
from services.night_output import NightOutput
from settings import PROJECT_ROOT, Settings

log = logging.getLogger("nightly")


def run(settings: Settings, shop: shops.Shop, shop_file: Path, run_date: date) -> str:
    """Run one night of a shop that is set up, show a few rows of what it published; returns a summary, and what to look at next.

    Raises:
        StepError: a task failed, or the night cannot start; says what to do.
    """
    began = time.monotonic()
    dag_id = f"nightly_{shop.name}"
    _refuse_beside_the_scheduler(settings, dag_id)
    raw_log = _test_dag(settings, shop_file, dag_id, run_date)
    seconds = time.monotonic() - began
    if tidy.is_due(settings):  # where `make up` does not run, nobody else does it
        _tidy(settings)
    _part(settings, "serving_exports.show", "--shop", str(shop_file), "--run-date", run_date.isoformat())
    ask = f'make sql SHOP={shop_file} Q="select segment, count(*) from user_segments group by segment"'
    return (
        f"nightly {shop.name} {run_date}: published in {seconds:.0f} s, see {settings.paths(shop.name).serving / 'current'}\n"
        f"  log        {raw_log}\n"
        f"  next       open the report in a browser; {ask}; `make up` for the explorer ({environment.explorer_url()})"
    )


def make_demo_files(settings: Settings, shop: shops.Shop, shop_file: Path) -> None:
    """The demo shop makes its own files on first use; every other shop has to bring some."""
    landing = shop.landing_folder(settings)
    if shop.name == "demo" and not (landing.exists() and any(landing.iterdir())):
        _part(settings, "ingestion.demo_shop", "--shop", str(shop_file))


def _tidy(settings: Settings) -> None:
    """The night is published: that it could not be tidied up after it is said, and no failure of it."""
    try:
        _part(settings, "services.tidy")
    except steps.StepError as error:
        log.warning("%s", error)


def _part(settings: Settings, module: str, *arguments: str) -> None:
    """Run another part of the pipeline as a process of its own, on this terminal."""
    process = subprocess.run([sys.executable, "-m", module, *arguments], env=environment.shared(settings), cwd=PROJECT_ROOT, umask=0o077)
    if process.returncode != 0:
        raise steps.StepError(f"{module} failed with exit code {process.returncode}; the reason is above")


def _test_dag(settings: Settings, shop_file: Path, dag_id: str, run_date: date) -> Path:
    """Run the DAG once; returns the file that holds all that Airflow said."""
    raw_log = environment.logs(settings) / f"{dag_id}-{run_date}-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"
    command = [sys.executable, "-m", "airflow", "dags", "test", dag_id, "--conf", json.dumps({"run_date": run_date.isoformat()})]
    night = environment.airflow(settings) | {
        "NIGHTCART_RETRIES": "0",
        "NIGHTCART_SHOPS": str(shop_file.parent),
        "AIRFLOW__LOGGING__JSON_LOGS": "True",
    }
    output = NightOutput(raw_log)
    process = subprocess.Popen(
        command,
        env=night,
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        umask=0o077,
    )
    try:
        for line in process.stdout:
            output.show(line)
        process.wait()
    finally:
        _end(process)
    if process.returncode != 0 or output.failed:
        what = f"task {', '.join(output.failed)} failed" if output.failed else f"Airflow ended with exit code {process.returncode}"
        raise steps.StepError(
            f"{dag_id} {run_date}: {what}; what was published before is unchanged. The reason is above, the whole log in {raw_log}"
        )
    return raw_log


def _end(process: subprocess.Popen) -> None:
    """End what is left of the night when this command is interrupted; steps run in sessions of their own."""
    if process.poll() is None:
        leader = psutil.Process(process.pid)
        processes.stop([processes.Started("night", process.pid, leader.create_time())])
        process.wait()


def _refuse_beside_the_scheduler(settings: Settings, dag_id: str) -> None:
    """The scheduler of `make up` takes up every running night of a DAG that is switched on: each task would run twice."""
    schedulers = ("scheduler", roster.SUPERVISOR)  # which starts one
    running = [service for service in processes.recorded(environment.services_file(settings)) if service.name in schedulers]
    if not any(service.is_alive for service in running):
        return
    command = [sys.executable, "-m", "airflow", "dags", "list", "--output", "json", "--columns", "dag_id,is_paused"]
    listed = subprocess.run(command, env=environment.airflow(settings), capture_output=True, text=True, check=True).stdout
    paused = {dag["dag_id"]: dag["is_paused"] for dag in json.loads(listed[listed.index("[{") :])}
    if paused.get(dag_id, "True") == "False":
        raise steps.StepError(
            f"{dag_id} is switched on and the scheduler runs: start the night there ({environment.airflow_url()}), "
            "or switch the DAG off, or stop the scheduler with `make down`"
        )


def main() -> None:
    options = steps.arguments(__doc__).parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended like Ctrl-C: no step is left running
    try:
        settings, shop_file = Settings.from_environment(), options.shop.resolve()
        shop = shops.read(options.shop)
        setup.prepare(settings)
        make_demo_files(settings, shop, shop_file)
        print(run(settings, shop, shop_file, options.run_date or shop.newest_delivery_date(settings)))
    except (steps.StepError, shops.ShopFileError) as error:
        sys.exit(f"nightly: {error}")
    except KeyboardInterrupt:
        sys.exit("nightly: interrupted; what was published before is unchanged")


if __name__ == "__main__":
    main()
