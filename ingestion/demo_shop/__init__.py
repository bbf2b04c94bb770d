"""The demo shop: made-up people in a made-up shop, with the truth about them written beside the files.

    python -m ingestion.demo_shop --shop shops/demo.yml

Landing gets one JSON-lines file of events a day, and a catalogue and a users CSV on the first day and on each first of
a month. What a model ought to find out is written to `truth/`, outside landing:

- `users.csv`: persona, churn_date (silent from that day on; may lie after the last day), purchase_gap_days
- `bundles.csv`: the pairs of items that are bought together
- `devices.csv`: whose each anonymous id is; no user_id where the person never logs in
- `contacts.csv`: e-mail, phone and IP addresses, which events and users carry along and no file of the night may hold
- `bots.csv`: the device that floods views, and when
- `dirt.csv`: each planted fault with its file, line and event id (see `dirt.py` for the kinds)
"""

from ingestion.demo_shop.config import DemoShop
from ingestion.demo_shop.files import Summary, make

__all__ = ["DemoShop", "Summary", "make"]
