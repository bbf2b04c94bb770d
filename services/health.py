"""Whether the services of `make up` answer."""

import http.client
import json
import urllib.error
import urllib.request
from datetime import datetime

from services import environment

TIMEOUT_SECONDS = 5
AIRFLOW_PARTS = ("scheduler", "dag-processor", "triggerer")


def missing(since: float = 0) -> list[str]:
    """The services that do not answer, or whose last heartbeat is older than `since` (seconds since the epoch)."""
    pages = {"mlflow": environment.mlflow_url(), "docs": environment.docs_url(), "explorer": environment.explorer_url()}
    return [*missing_airflow(since), *(name for name, url in pages.items() if not _get(f"{url}/health"))]


def missing_airflow(since: float = 0) -> list[str]:
    """Of Airflow's; while the API server gives no answer, nothing is known of the others."""
    answer = _get(f"{environment.airflow_url()}/api/v2/monitor/health")
    if answer is None:
        return ["api-server"]
    state = json.loads(answer)
    return [part for part in AIRFLOW_PARTS if not _beats(state[part.replace("-", "_")], part.replace("-", "_"), since)]


def _beats(part: dict[str, str], name: str, since: float) -> bool:
    return part["status"] == "healthy" and datetime.fromisoformat(part[f"latest_{name}_heartbeat"]).timestamp() >= since


def _get(url: str) -> bytes | None:
    """What `url` answers with 200; None where nothing answers, or not that. Proxies of the environment are for other hosts."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return answer.read()
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return None
