"""Numbers, days and names as the report writes them, with their units."""

from datetime import date


def words(name: object) -> str:
    """The name of a column or value as prose: `view_to_cart_rate` gives 'View to cart rate'."""
    text = str(name).replace("_", " ")
    return text[:1].upper() + text[1:]


def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value * 100:.{digits}f} %"


def day(value: date) -> str:
    return f"{value:%a} {value.day} {value:%b %Y}"


def in_unit(value: float | None, unit: str, currency: str) -> str:
    """A KPI's value with its unit; `unit` is count, money or share."""
    if unit == "share":
        return percent(value)
    small = value is not None and abs(value) < 100 and value != int(value)
    return number(value, 1 if small else 0) + (f" {currency}" if unit == "money" and value is not None else "")


def counted(count: int, one: str, many: str | None = None) -> str:
    """'1 file', '1,200 files'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
