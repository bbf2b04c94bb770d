"""Tells the people of every shop that a service was given up: until somebody mends it, nights may not run at all.

    python -m dags.service_notice scheduler data/logs/scheduler.log        # as the supervisor of `make up` calls it

Each mailbox and each webhook of the shop files is told once, by the same ways as of a failed night. One that cannot be told
does not keep the notice from the others; why it could not stands in the supervisor's log.
"""

import sys
from contextlib import ExitStack

from dags import notice, shop_files
from settings import Settings


def tell(settings: Settings, service: str, log: str) -> None:
    """Tell everybody; raises the error of a channel that failed, after all of them were tried."""
    outcome = "ended again and again and was given up"
    text = f"Nightcart: the service {service} {outcome}; nights may not run until `make down && make up`. Log: {log}"
    said = {"text": text, "service": service, "outcome": outcome, "log": log}
    shops = [shop for _, shop in shop_files.usable(settings.shops)]
    with ExitStack() as all_are_tried:
        for address in sorted({str(shop.notify.email) for shop in shops if shop.notify.email}):
            all_are_tried.callback(notice.send_mail, address, f"Nightcart: the service {service} {outcome}", text)
        for url in sorted({str(shop.notify.webhook) for shop in shops if shop.notify.webhook}):
            all_are_tried.callback(notice.send_webhook, url, said)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(f"usage: python -m dags.service_notice SERVICE LOG\n\n{__doc__}")
    tell(Settings.from_environment(), *sys.argv[1:])


if __name__ == "__main__":
    main()
