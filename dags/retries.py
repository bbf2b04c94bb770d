"""How often a task is tried again: by the scheduler as the DAG says, in a night by hand not at all."""

import os
from collections.abc import Mapping

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision


class RetriesByEnvironment(RetryPolicy):
    """At most `NIGHTCART_RETRIES` retries where that is set, else what the DAG says.

    Asked where the task runs, so the DAG that Airflow stores stays the same for `make nightly`, which sets it to 0.
    """

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Mapping | None = None) -> RetryDecision:
        allowed = os.environ.get("NIGHTCART_RETRIES")
        if allowed is not None and try_number > int(allowed):
            return RetryDecision.fail(f"NIGHTCART_RETRIES={allowed}")
        return RetryDecision.default()
