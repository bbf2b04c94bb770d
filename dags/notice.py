"""Tells people that a night failed or is late: by mail, by webhook, or both, as the shop file says.

A notice holds the shop, the task, the night and where the log is, and nothing of the data. Airflow logs a notice that
cannot be sent ("Failed to run task callback") and leaves the task's own failure as it is.
"""

import html
import json
import urllib.request
from collections.abc import Callable, Mapping

from dags.run_dates import run_date
from shop import Shop

TIMEOUT_SECONDS = 20


def callbacks(shop: Shop, outcome: str | None = None) -> list[Callable[[Mapping], None]]:
    """The failure callbacks of a shop's tasks, one per channel, so that a dead mail server does not silence the webhook.

    Args:
        outcome: what is said of the night; default "failed in <task>".
    """

    def mail(context: Mapping) -> None:
        told = message(shop, run_date(shop, context), context["ti"], outcome)
        subject = f"Nightcart: the night {told['run_date']} of {told['shop']} {told['outcome']}"
        send_mail(str(shop.notify.email), subject, str(told["text"]))

    def webhook(context: Mapping) -> None:
        send_webhook(str(shop.notify.webhook), message(shop, run_date(shop, context), context["ti"], outcome))

    return [*([mail] if shop.notify.email else []), *([webhook] if shop.notify.webhook else [])]


def message(shop: Shop, day: str, task_instance: object, outcome: str | None = None) -> dict[str, object]:
    """The notice; `text` is the sentence that chat services show."""
    outcome = outcome or f"failed in {task_instance.task_id}"
    return {
        "text": f"Nightcart: the night {day} of {shop.title} {outcome}. "
        f"The tables published before stay as they are. Log: {task_instance.log_url}",
        "shop": shop.name,
        "outcome": outcome,
        "task": task_instance.task_id,
        "run_date": day,
        "try_number": task_instance.try_number,
        "log": task_instance.log_url,
    }


def send_webhook(url: str, notice: dict[str, object]) -> None:
    """POST the notice as JSON; raises OSError where the other side is away or refuses it."""
    request = urllib.request.Request(url, json.dumps(notice).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS).close()  # the shop file allows http and https only


def send_mail(address: str, subject: str, text: str) -> None:
    """Send the notice over Airflow's connection `smtp_default` (`AIRFLOW_CONN_SMTP_DEFAULT` in data/secrets.env)."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook  # only who has something to tell needs it

    with SmtpHook() as hook:
        sender = hook.from_email or address
        hook.send_email_smtp(to=address, subject=subject, html_content=html.escape(text), from_email=sender)
