"""What a shop is: reads and checks a shop file (YAML), with a clear error for each wrong key.

One file in `shops/` describes one shop: its zone and money, where its files come from and how their columns map onto
the canonical events, and the rules that its published tables keep.
"""

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import yaml
from croniter import croniter
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, EmailStr, Field, HttpUrl, model_validator
from pydantic import ValidationError as PydanticError

from settings import PROJECT_ROOT, Settings

EVENT_TYPES = (
    "product_list_viewed",
    "product_viewed",
    "product_clicked",
    "product_searched",
    "product_added",
    "product_removed",
    "wishlist_added",
    "checkout_started",
    "order_completed",
    "order_refunded",
    "product_reviewed",
    "recommendation_shown",
    "recommendation_clicked",
    "campaign_sent",
    "campaign_clicked",
)
EventTypeName = Literal[EVENT_TYPES]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

FIELDS_BY_KIND = {
    "events": {
        "required": ("event_at",),
        "optional": (
            "event_id", "user_id", "anonymous_id", "session_id", "item_id", "order_id", "quantity", "price", "currency",
            "rating", "query", "position", "recommendation_id", "campaign_id", "treatment", "consent_personalization",
        ),
    },
    "items": {
        "required": ("item_id",),
        "optional": (
            "title", "description", "category", "brand", "price", "currency", "stock_quantity", "is_active", "image_url",
        ),
    },
    "users": {"required": ("user_id",), "optional": ("consent_personalization",)},
}  # fmt: skip


class ShopFileError(ValueError):
    """A shop file that cannot be used; the message names the file and each wrong key."""


class Part(BaseModel):
    """A piece of a shop file: unknown keys are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Condition(Part):
    """One test of a source column; exactly one comparison is named."""

    column: str
    equals: str | None = None
    one_of: tuple[str, ...] | None = None
    starts_with: str | None = None
    matches: str | None = None  # RE2 regular expression, found anywhere in the value unless anchored
    at_most: float | None = None
    is_missing: bool | None = None

    @model_validator(mode="after")
    def _has_one_comparison(self) -> "Condition":
        named = self.model_fields_set - {"column"}
        if len(named) != 1:
            raise ValueError(f"a condition names exactly one comparison beside column, not {sorted(named) or 'none'}")
        return self


class SkipRule(Part):
    """Records that are declared not to be events: all conditions must hold."""

    reason: str
    when: tuple[Condition, ...] = Field(min_length=1)


class Column(Part):
    """Where a canonical field comes from: a source column or dotted path, an element of the order lines, or a constant."""

    from_: str | None = Field(default=None, alias="from")
    line: str | None = None  # path inside one element of the source's `lines` array
    value: str | float | bool | None = None
    format: str | None = None  # event_at only: iso (default), unix_s, unix_ms, unix_us, or a strptime pattern
    absolute: bool = False  # numbers only: the sign is dropped, since refunds are positive quantities of another type
    remove_suffix: str | None = None  # '.0' where a spreadsheet made floats of whole numbers
    uppercase: bool = False  # where people type codes by hand: 85123a is 85123A

    @model_validator(mode="after")
    def _has_an_origin(self) -> "Column":
        if self.value is not None and (self.from_ or self.line):
            raise ValueError("name either value, or from / line, not both")
        if self.value is None and not (self.from_ or self.line):
            raise ValueError("name one of from, line, value")
        return self


def _column(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


ColumnEntry = Annotated[Column, BeforeValidator(_column)]


class EventTypeRule(Part):
    """`then` is the event type of the records for which all conditions hold."""

    when: tuple[Condition, ...] = Field(min_length=1)
    then: EventTypeName


class EventTypeMapping(Part):
    """How a record's event type is found: the first rule that holds, else the mapped column, else the default."""

    rules: tuple[EventTypeRule, ...] = ()
    from_: str | None = Field(default=None, alias="from")
    map: dict[str, EventTypeName] = {}
    default: EventTypeName | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> "EventTypeMapping":
        if self.map and not self.from_:
            raise ValueError("map needs from: the column whose values are mapped")
        if not (self.rules or self.map or self.default):
            raise ValueError("name at least one of rules, map, default")
        return self


class Source(Part):
    """One kind of file in landing/ and how its columns map onto the canonical ones."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    kind: Literal["events", "items", "users"] = "events"
    format: Literal["csv", "json_lines", "parquet"]
    files: str  # glob below landing/, with {date} where the delivery date stands
    date_format: str = "%Y-%m-%d"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    lines: str | None = None  # json_lines: path of an array whose elements are event lines of one record
    event_type: EventTypeMapping | None = None
    columns: dict[str, ColumnEntry]
    traits: tuple[str, ...] = ()  # users only: columns kept as traits
    skip: tuple[SkipRule, ...] = ()
    anonymous_orders: bool = False  # order lines that name nobody land with no visitor_key instead of being refused

    @model_validator(mode="after")
    def _columns_fit_the_kind(self) -> "Source":
        allowed = FIELDS_BY_KIND[self.kind]
        for name in self.columns:
            if name not in allowed["required"] + allowed["optional"]:
                raise ValueError(f"columns.{name}: unknown; {self.kind} have {', '.join(allowed['required'] + allowed['optional'])}")
        for name in allowed["required"]:
            if name not in self.columns:
                raise ValueError(f"columns.{name}: missing; {self.kind} need it")
        if (self.kind == "events") != (self.event_type is not None):
            raise ValueError("event_type: needed for kind events, and only there")
        if self.kind == "events" and not {"user_id", "anonymous_id"} & set(self.columns):
            raise ValueError("columns: events need user_id or anonymous_id")
        if self.kind != "users" and self.traits:
            raise ValueError("traits: only for kind users")
        if self.lines and self.format != "json_lines":
            raise ValueError("lines: only for format json_lines")
        for name, column in self.columns.items():
            if column.line and not self.lines:
                raise ValueError(f"columns.{name}.line: needs lines, the array whose elements are the event lines")
        if self.files.startswith("/") or ".." in Path(self.files).parts:
            raise ValueError("files: must stay under the landing folder")
        return self

    @property
    def glob(self) -> str:
        return self.files.replace("{date}", "*")

    def files_in(self, landing: Path) -> list[Path]:
        """The source's files below a landing folder; hidden ones are uploads under way."""
        return sorted(path for path in landing.glob(self.glob) if path.is_file() and not path.name.startswith("."))

    def delivery_date(self, relative_path: str) -> date | None:
        """The date in a file's path below landing/; None where the pattern has none.

        Raises:
            ShopFileError: the path does not match the pattern or holds no such date.
        """
        if "{date}" not in self.files:
            return None
        pattern = re.escape(self.files).replace(r"\{date\}", "(?P<date>.+?)").replace(r"\*", "[^/]*")
        match = re.fullmatch(pattern, relative_path)
        if match is None:
            raise ShopFileError(f"{relative_path} does not match {self.files} of source {self.name}")
        try:
            return datetime.strptime(match["date"], self.date_format).date()
        except ValueError as error:
            raise ShopFileError(f"{relative_path}: {error}; source {self.name} wants {self.files}") from error


class Checks(Part):
    """Limits a record must keep; a record that breaks one is quarantined."""

    earliest_event: date = date(2000, 1, 1)
    latest_after_delivery_days: int = Field(default=1, ge=0)  # clocks run ahead; more than this is refused
    max_price: float = Field(default=1_000_000, gt=0)
    max_quantity: int = Field(default=1_000_000, gt=0)
    max_id_length: int = Field(default=256, gt=0)
    max_refused_share: float = Field(default=0.05, ge=0, le=1)


class Eligibility(Part):
    """Who gets personal rows with is_eligible = true."""

    min_events: int = Field(default=2, ge=1)
    max_events_per_day: int = Field(default=2_000, ge=1)  # beyond it a visitor is a bot
    active_within_days: int = Field(default=365, ge=1)


class Recommendations(Part):
    """The rules of user_recommendations."""

    k: int = Field(default=10, ge=1, le=100)
    exclude_bought_within_days: int = Field(default=30, ge=0)
    holdout_days: int = Field(default=14, ge=1)  # length of the window that models are compared on
    half_life_days: float = Field(default=60, gt=0)  # after so many days an interaction counts half
    min_stock: int = Field(default=1, ge=0)
    holdout_share: float = Field(default=0.1, ge=0, lt=1)  # users whose treatment is 'holdout'


class Predictions(Part):
    """The snapshots that predictive models learn from."""

    snapshot_every_days: int = Field(default=7, ge=1)
    snapshot_count: int = Field(default=16, ge=4)  # labelled ones; one more is scored


class Notify(Part):
    """Who hears of a failed night."""

    email: EmailStr | None = None
    webhook: HttpUrl | None = None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"no such time zone: {name}") from error
    return name


def _cron(line: str) -> str:
    if not croniter.is_valid(line):
        raise ValueError(f"not a cron expression like '0 4 * * *': {line}")
    return line


class Shop(Part):
    """One shop file, checked."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,30}$")
    title: str
    timezone: Annotated[str, AfterValidator(_known_zone)]
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    namespace: str | None = None  # in the pseudonyms; shops that share it share visitors
    landing: Path | None = None  # relative to the project; default data/<shop>/landing
    schedule: Annotated[str, AfterValidator(_cron)] = "0 4 * * *"  # in the shop's zone
    closed: tuple[Weekday, ...] = ()
    consent_default: bool = True  # for people whose consent nobody recorded
    sources: tuple[Source, ...] = Field(min_length=1)
    checks: Checks = Checks()
    eligibility: Eligibility = Eligibility()
    recommendations: Recommendations = Recommendations()
    predictions: Predictions = Predictions()
    notify: Notify = Notify()

    @model_validator(mode="after")
    def _sources_make_a_shop(self) -> "Shop":
        names = [source.name for source in self.sources]
        if len(names) != len(set(names)):
            raise ValueError("sources: two have the same name")
        if not any(source.kind == "events" for source in self.sources):
            raise ValueError("sources: at least one must be of kind events")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def identity_namespace(self) -> str:
        return self.namespace or self.name

    def landing_folder(self, settings: Settings) -> Path:
        """`NIGHTCART_LANDING_<SHOP>`, else the shop file's `landing`, else `data/<shop>/landing`."""
        override = dict(settings.landing_overrides).get(self.name)
        if override:
            return override
        return (PROJECT_ROOT / self.landing).resolve() if self.landing else settings.paths(self.name).landing

    def last_complete_day(self, run_after: datetime) -> date:
        """The last calendar day, in the shop's zone, that was over at `run_after` (aware)."""
        return run_after.astimezone(self.zone).date() - timedelta(days=1)

    def newest_delivery_date(self, settings: Settings) -> date:
        """The newest date in the names of the files in landing/.

        Raises:
            ShopFileError: no file of any source carries a date.
        """
        landing = self.landing_folder(settings)
        dates = [
            source.delivery_date(path.relative_to(landing).as_posix())
            for source in self.sources
            if "{date}" in source.files
            for path in source.files_in(landing)
        ]
        if not dates:
            raise ShopFileError(f"{landing}: no file of shop {self.name} with a date in its name; pass --run-date")
        return max(dates)


def read(path: Path) -> Shop:
    """Read and check one shop file.

    Raises:
        ShopFileError: the file is absent or not YAML, or keys are wrong; each is named with its place and fault.
    """
    try:
        content = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise ShopFileError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ShopFileError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ShopFileError(f"{path}: a shop file is a mapping of keys")
    try:
        return Shop.model_validate(content)
    except PydanticError as error:
        faults = "\n".join(f"  {'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
        raise ShopFileError(f"{path}: {error.error_count()} fault(s)\n{faults}") from error
