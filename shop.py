"""What a shop is: reads and checks a shop file (YAML), with a clear error for each wrong key.

One file in `shops/` describes one shop: its zone and money, where its files come from and how their columns map onto
the canonical events, and the rules that its published tables keep.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import yaml
from croniter import croniter
from pydantic import AfterValidator, BeforeValidator, EmailStr, Field, HttpUrl, model_validator
from pydantic import ValidationError as PydanticError

from segments import Audience, Segments
from settings import PROJECT_ROOT, Settings
from sources import Part, Source, SourceFileError, known_zone
from targets import DECLARED, Target

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal[WEEKDAYS]

IMPORTERS = PROJECT_ROOT / "shops" / "importers"  # source templates of the export formats that many shops share


class ShopFileError(ValueError):
    """A shop file that cannot be used; the message names the file and each wrong key."""


def _category_path(path: str) -> str:
    levels = [level.strip() for level in path.split(">")]
    if not all(levels) or path != " > ".join(levels):
        raise ValueError(f"not a category path like 'Gifts > Cards': {path!r}")
    return path


class Checks(Part):
    """Limits a record must keep; a record that breaks one is quarantined."""

    earliest_event: date = date(2000, 1, 1)
    latest_after_delivery_days: int = Field(default=1, ge=0)  # clocks run ahead; more than this is refused
    max_price: float = Field(default=1_000_000, gt=0)
    max_quantity: int = Field(default=1_000_000, gt=0)
    max_id_length: int = Field(default=256, gt=0)
    max_refused_share: float = Field(default=0.05, ge=0, le=1)


class Privacy(Part):
    """Names of source fields that hold private data, beside those that are private everywhere (docs/shop-file.md lists them)."""

    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()  # traits only: a keyed hash stands for the value; elsewhere they are dropped
    keep: tuple[str, ...] = ()  # not private in this shop, whatever the list says


class Eligibility(Part):
    """Who gets personal rows with is_eligible = true."""

    min_events: int = Field(default=1, ge=1)
    max_events_per_day: int = Field(default=2_000, ge=1)  # beyond it a visitor is a bot
    active_within_days: int = Field(default=365, ge=1)


class Recommendations(Part):
    """The rules of user_recommendations."""

    k: int = Field(default=10, ge=1, le=100)
    exclude_bought_within_days: int = Field(default=30, ge=0)
    exclude_in_cart_within_days: int = Field(default=14, ge=0)  # 0 shows what lies in the cart
    exclude_refunded_within_days: int = Field(default=90, ge=0)
    blocked_categories: tuple[Annotated[str, AfterValidator(_category_path)], ...] = ()
    min_price: float = Field(default=0, ge=0)
    max_per_category: int | None = Field(default=None, ge=1)  # of one list; None for as many as come
    max_per_brand: int | None = Field(default=None, ge=1)
    new_item_days: int = Field(default=30, ge=1)  # an item is new for so long after the catalogue first names it
    new_items_per_list: int = Field(default=1, ge=0)  # places kept for new items of the category a person likes
    holdout_days: int = Field(default=14, ge=1)  # length of the window that models are compared on
    half_life_days: float = Field(default=60, gt=0)  # after so many days an interaction counts half
    min_stock: int = Field(default=1, ge=0)
    holdout_share: float = Field(default=0.1, ge=0, lt=1)  # users whose treatment is 'holdout'

    @model_validator(mode="after")
    def _lists_are_not_of_new_items_alone(self) -> "Recommendations":
        if self.new_items_per_list and self.new_items_per_list >= self.k:
            raise ValueError(f"new_items_per_list: must be below k, which is {self.k}")
        return self


def _target(declared: object) -> object:
    if isinstance(declared, str) and declared not in DECLARED:
        raise ValueError(f"no target {declared!r}; there are {', '.join(DECLARED)}, and own ones by their keys")
    return DECLARED[declared] if isinstance(declared, str) else declared


class Predictions(Part):
    """What is predicted, and the snapshots that predictive models learn from."""

    snapshot_every_days: int = Field(default=7, ge=1)
    snapshot_count: int = Field(default=16, ge=5)  # the newest may be too young for a label; the run date is scored besides
    targets: tuple[Annotated[Target, BeforeValidator(_target)], ...] = Field(default=(DECLARED["purchase_7d"],), min_length=1)

    @model_validator(mode="after")
    def _targets_have_names_of_their_own(self) -> "Predictions":
        names = [target.name for target in self.targets]
        if len(names) != len(set(names)) or "recommendations" in names:
            raise ValueError("targets: two tasks have the same name")
        return self

    def horizons_days(self, per: str) -> list[int]:
        """The lengths of the windows that targets of one kind of rows are about, ascending."""
        return sorted({target.horizon_days for target in self.targets if target.per == per})


class Notify(Part):
    """Who hears of a failed night."""

    email: EmailStr | None = None
    webhook: HttpUrl | None = None


def _folder(path: object) -> object:
    if "://" in str(path):
        raise ValueError("must be a folder of this machine")
    return path


def _cron(line: str) -> str:
    if not croniter.is_valid(line):
        raise ValueError(f"not a cron expression like '0 4 * * *': {line}")
    return line


class Shop(Part):
    """One shop file, checked."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,30}$")
    title: str
    timezone: Annotated[str, AfterValidator(known_zone)]
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    namespace: str | None = None  # in the pseudonyms; shops that share it share visitors
    landing: Annotated[Path, BeforeValidator(_folder)] | None = None  # relative to the project; default data/<shop>/landing
    schedule: Annotated[str, AfterValidator(_cron)] = "0 4 * * *"  # in the shop's zone
    publish_by: str | None = Field(default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")  # the hour at which a notice says that it is not
    closed: tuple[Weekday | date, ...] = ()  # weekdays, and days like 2026-12-25, on which nothing is delivered
    consent_default: bool = True  # for people whose consent nobody recorded
    sources: tuple[Source, ...] = Field(min_length=1)
    checks: Checks = Checks()
    privacy: Privacy = Privacy()
    eligibility: Eligibility = Eligibility()
    recommendations: Recommendations = Recommendations()
    predictions: Predictions = Predictions()
    segments: Segments = Segments()
    audiences: tuple[Audience, ...] = ()
    notify: Notify = Notify()

    @model_validator(mode="after")
    def _the_night_begins_before_it_is_due(self) -> "Shop":
        if self.publish_by is None:
            return self
        if len(self.schedule.split()) != 5:
            raise ValueError(f"publish_by: schedule must have five fields then, as '0 4 * * *': {self.schedule}")
        first = croniter(self.schedule, datetime(2000, 1, 1) - timedelta(seconds=1)).get_next(datetime)
        if f"{first:%H:%M}" >= self.publish_by:
            raise ValueError(f"publish_by: {self.publish_by} is before the night begins, at {first:%H:%M}")
        return self

    @model_validator(mode="after")
    def _sources_make_a_shop(self) -> "Shop":
        names = [source.name for source in self.sources]
        if len(names) != len(set(names)):
            raise ValueError("sources: two have the same name")
        if not any(source.kind == "events" for source in self.sources):
            raise ValueError("sources: at least one must be of kind events")
        return self

    @model_validator(mode="after")
    def _audiences_can_be_told_apart_and_shown(self) -> "Shop":
        ids = [audience.id for audience in self.audiences]
        scored = {(target.name, target.per) for target in self.predictions.targets}
        if len(ids) != len(set(ids)):
            raise ValueError("audiences: two have the same id")
        for audience in self.audiences:
            if audience.cap is not None and audience.cap < self.segments.min_people:
                raise ValueError(
                    f"audiences: {audience.id} is capped at {audience.cap}, below segments.min_people {self.segments.min_people}"
                )
            unknown = sorted(audience.segments - set(self.segments.names))
            if unknown:
                raise ValueError(f"audiences: {audience.id}: no segment {', '.join(unknown)}; there are {', '.join(self.segments.names)}")
            for prediction in sorted(audience.predictions):
                target, _, category = prediction.partition(" in ")
                if (target, "category" if category else "user") not in scored:
                    of = "categories" if category else "people"
                    raise ValueError(f"audiences: {audience.id}: {prediction}: predictions.targets has no {target} of {of}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def publish_by_schedule(self) -> str | None:
        """The cron line of `publish_by`, on the days of the night's own."""
        if self.publish_by is None:
            return None
        hour, minute = self.publish_by.split(":")
        return " ".join([str(int(minute)), str(int(hour)), *self.schedule.split()[2:]])

    @property
    def closed_weekdays(self) -> list[int]:
        """As in ISO 8601: 1 is Monday."""
        return [WEEKDAYS.index(day) + 1 for day in self.closed if not isinstance(day, date)]

    @property
    def closed_dates(self) -> list[date]:
        return [day for day in self.closed if isinstance(day, date)]

    @property
    def identity_namespace(self) -> str:
        return self.namespace or self.name

    @property
    def task_names(self) -> tuple[str, ...]:
        """What is trained each night: the lists, and each target."""
        return ("recommendations", *(target.name for target in self.predictions.targets))

    def landing_folder(self, settings: Settings) -> Path:
        """`NIGHTCART_LANDING_<SHOP>`, else the shop file's `landing`, else `data/<shop>/landing`."""
        override = dict(settings.landing_overrides).get(self.name)
        if override:
            return override
        return (PROJECT_ROOT / self.landing).resolve() if self.landing else settings.paths(self.name).landing

    def last_complete_day(self, run_after: datetime) -> date:
        """The last calendar day, in the shop's zone, that was over at `run_after` (aware)."""
        return run_after.astimezone(self.zone).date() - timedelta(days=1)

    def night_due(self, now: datetime) -> date | None:
        """The night that should be published at `now` (aware); None where no hour is named."""
        if self.publish_by_schedule is None:
            return None
        return self.last_complete_day(croniter(self.publish_by_schedule, now.astimezone(self.zone)).get_prev(datetime))

    def newest_delivery_date(self, settings: Settings) -> date:
        """The newest date in the names of the files in landing/.

        Raises:
            ShopFileError: no file of any source carries a date.
        """
        landing = self.landing_folder(settings)
        try:
            dates = [
                source.delivery_date(path.relative_to(landing).as_posix())
                for source in self.sources
                if "{date}" in source.files
                for path in source.files_in(landing)
            ]
        except SourceFileError as error:
            raise ShopFileError(f"{landing}: {error}") from error
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
        content |= {"sources": _with_importers(content.get("sources"))}
        return Shop.model_validate(content)
    except UnknownImporter as error:
        raise ShopFileError(f"{path}: {error}") from error
    except PydanticError as error:
        faults = "\n".join(f"  {'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors())
        raise ShopFileError(f"{path}: {error.error_count()} fault(s)\n{faults}") from error


class UnknownImporter(ValueError):
    """A source names an importer that does not exist."""


def _with_importers(sources: object) -> object:
    """The sources with the keys of their importers beneath their own; `columns` are merged, all else is replaced."""
    if not isinstance(sources, list):
        return sources
    return [_with_importer(source) if isinstance(source, dict) and "importer" in source else source for source in sources]


def _with_importer(source: dict) -> dict:
    known = sorted(file.stem for file in IMPORTERS.glob("*.yml"))
    if source["importer"] not in known:
        raise UnknownImporter(f"source {source.get('name')}: no importer {source['importer']}; there are {', '.join(known)}")
    template = yaml.safe_load((IMPORTERS / f"{source['importer']}.yml").read_text())
    columns = template["columns"] | (source.get("columns") or {})
    return template | source | {"columns": {name: column for name, column in columns.items() if column is not None}}
