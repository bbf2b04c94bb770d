"""How the demo shop's people could be reached: what a shop's tracking sends along, and no file of the night may hold."""

import numpy as np

from ingestion.demo_shop.ids import scrambled


class Contacts:
    """E-mail address, phone number and IP address of each person; of ranges that are reserved for examples and tests.

    Args:
        count: how many persons; below 60,000.
        seed: of the shop.
    """

    def __init__(self, count: int, seed: int):
        names = scrambled("m", np.arange(count), 8, seed + 6)
        self.emails = [f"{name.replace('-', '.')}@example.com" for name in names]
        self.phones = [f"+49 30 55{number:05d}" for number in range(count)]
        self.addresses = [f"198.18.{number // 250}.{number % 250 + 1}" for number in range(count)]

    def context(self, person: int) -> dict:
        """As tracking libraries nest it in an event."""
        return {"ip": self.addresses[person], "traits": {"email": self.emails[person], "phone": self.phones[person]}}
