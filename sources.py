"""One source of a shop file: a kind of file in landing/ and how its records map onto the canonical ones."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

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
            "item_group_id",
        ),
    },
    "users": {"required": ("user_id",), "optional": ("consent_personalization",)},
    "links": {"required": ("user_id",), "optional": ("anonymous_id", "other_user_id", "linked_at")},
}  # fmt: skip
TIMES = ("event_at", "linked_at")
NUMBERS = ("quantity", "price", "rating", "position", "stock_quantity")
_OF_RECORDS = ("event_id", "user_id", "anonymous_id")  # a record is one event's, whose refusal hides one person's ids
FRESH_WITHIN_DAYS = 2  # of events, unless the source says otherwise
Kind = Literal["events", "items", "users", "links"]
Format = Literal["csv", "json_lines", "json", "parquet"]
# A path: names with dots between, each with [key=value] or [0] behind it where it is a list of which one element is meant.
_SEGMENT = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?:(?P<index>\d+)|(?P<key>[^\[\]=]+)=(?P<value>[^\[\]]+))\])?")
_DOT = re.compile(r"\.(?![^\[\]]*\])")  # not one within brackets


def known_zone(name: str) -> str:
    """The name of a time zone.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"no such time zone: {name}") from error
    return name


class Part(BaseModel):
    """A piece of a shop file: unknown keys are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Condition(Part):
    """One test of a source column; exactly one comparison is named."""

    column: str
    equals: str | None = None
    one_of: tuple[str, ...] | None = None
    none_of: tuple[str, ...] | None = None
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


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _named(value: object) -> object:
    return {name: name for name in value} if isinstance(value, list | tuple) else value


Paths = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Column(Part):
    """Where a canonical field comes from: a column or path of the record, an element of its lines, or a constant."""

    from_: Paths = Field(default=(), alias="from")  # of several, the first that is there and not null
    line: Paths = ()  # paths inside one element of the source's `lines` array; they go before `from`
    value: str | float | bool | None = None
    format: str | None = None  # times only: iso (default), unix_s, unix_ms, unix_us, or a strptime pattern
    timezone: Annotated[str, AfterValidator(known_zone)] | None = None  # times only: of those without one, where it is not the shop's
    event_types: tuple[EventTypeName, ...] = ()  # events only: the field is meant in events of these types alone; else in all
    decimal: Literal[".", ","] = "."  # numbers only: 1.234,50 with ","
    absolute: bool = False  # numbers only: the sign is dropped, since refunds are positive quantities of another type
    remove_suffix: str | None = None  # '.0' where a spreadsheet made floats of whole numbers
    separator: str | None = Field(default=None, min_length=1)  # category only: what the source has in place of ' > '
    prefix: str | None = None  # put before the value, where two sources number independently
    uppercase: bool = False  # where people type codes by hand: 85123a is 85123A
    per_visitor: bool = False  # session_id only: it is unique for one visitor, and another may have the same

    @model_validator(mode="after")
    def _has_an_origin(self) -> "Column":
        if self.value is not None and (self.from_ or self.line):
            raise ValueError("name either value, or from / line, not both")
        if self.value is None and not (self.from_ or self.line):
            raise ValueError("name one of from, line, value")
        return self


def _column(value: object) -> object:
    return {"from": value} if isinstance(value, str | list) else value


ColumnEntry = Annotated[Column, BeforeValidator(_column)]


class EventTypeRule(Part):
    """`then` is the event type of the records for which all conditions hold."""

    when: tuple[Condition, ...] = Field(min_length=1)
    then: EventTypeName


class EventTypeMapping(Part):
    """How a record's event type is found: the first rule that holds, else the mapped column, else the default.

    A column without a map holds the canonical names.
    """

    rules: tuple[EventTypeRule, ...] = ()
    from_: str | None = Field(default=None, alias="from")
    map: dict[str, EventTypeName] = {}
    default: EventTypeName | None = None
    skip_others: bool = False  # what no rule, map or default names is no event, instead of being refused

    @model_validator(mode="after")
    def _is_complete(self) -> "EventTypeMapping":
        if self.map and not self.from_:
            raise ValueError("map needs from: the column whose values are mapped")
        if not (self.rules or self.from_ or self.default):
            raise ValueError("name at least one of rules, from, default")
        return self


class Source(Part):
    """One kind of file in landing/ and how its columns map onto the canonical ones."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    importer: str | None = None  # the keys of shops/importers/<importer>.yml stand beneath the source's own
    kind: Kind = "events"
    format: Format
    files: str  # glob below landing/, with {date} where the delivery date stands, and {day} for the day described
    date_format: str = "%Y-%m-%d"
    encoding: str = "utf-8"  # of text formats
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    column_names: tuple[str, ...] = ()  # csv only: of files without a header
    null_values: tuple[str, ...] = ()  # texts that stand for no value, such as '(not set)'
    lines: str | None = None  # path of an array whose elements are event lines of one record
    event_type: EventTypeMapping | None = None
    columns: dict[str, ColumnEntry]
    traits: Annotated[dict[str, str], BeforeValidator(_named)] = {}  # users only: names of traits and their columns or paths
    skip: tuple[SkipRule, ...] = ()
    fresh_within_days: int | None = Field(default=None, ge=0)  # open days without a delivery before the night warns; events: 2
    held_after_days: int | None = Field(default=None, ge=0)  # and before it is not published
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
        if self.kind == "links" and len({"anonymous_id", "other_user_id"} & set(self.columns)) != 1:
            raise ValueError("columns: links need one of anonymous_id, other_user_id")
        if self.kind != "users" and self.traits:
            raise ValueError("traits: only for kind users")
        if self.kind != "events" and "anonymous_orders" in self.model_fields_set:
            raise ValueError("anonymous_orders: only for kind events")
        return self

    @model_validator(mode="after")
    def _keys_fit_the_format(self) -> "Source":
        if self.lines and self.kind != "events":
            raise ValueError("lines: only for kind events; of an array, a path takes one element: products[0].product_id")
        if self.lines and "[" in self.lines:
            raise ValueError("lines: a path to one list, which selects nothing")
        if self.delimiter in ('"', " ", "\r", "\n", "\0"):
            raise ValueError("delimiter: no quote, space or line end; to CSV, these mean something else")
        for key in ("column_names", "delimiter"):
            if key in self.model_fields_set and self.format != "csv":
                raise ValueError(f"{key}: only for format csv")
        if "encoding" in self.model_fields_set and self.format == "parquet":
            raise ValueError("encoding: only for text; Parquet has its own")
        if len(set(self.column_names)) != len(self.column_names):
            raise ValueError("column_names: two are the same")
        for name, column in self.columns.items():
            if column.line and not self.lines:
                raise ValueError(f"columns.{name}.line: needs lines, the array whose elements are the event lines")
            if column.per_visitor and name != "session_id":
                raise ValueError(f"columns.{name}.per_visitor: only for session_id")
            if column.event_types and self.kind != "events":
                raise ValueError(f"columns.{name}.event_types: only for kind events")
            if column.line and name in _OF_RECORDS:
                raise ValueError(f"columns.{name}.line: a record has one {name}, which all its lines share")
            for key in ("format", "timezone"):
                if getattr(column, key) and name not in TIMES:
                    raise ValueError(f"columns.{name}.{key}: only for times")
            if column.timezone and (column.format or "").startswith("unix_"):
                raise ValueError(f"columns.{name}.timezone: seconds since 1970 are in no zone; leave it out with format {column.format}")
            if (column.absolute or column.decimal == ",") and name not in NUMBERS:
                raise ValueError(f"columns.{name}.{'absolute' if column.absolute else 'decimal'}: only for numbers")
            if column.separator and name != "category":
                raise ValueError(f"columns.{name}.separator: only for category")
        for path in self._paths() if self.format != "csv" else filter(None, [self.lines]):
            path_segments(path)
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ValueError(f"encoding: no such encoding: {self.encoding}") from error
        return self

    @model_validator(mode="after")
    def _files_stay_in_landing(self) -> "Source":
        if self.files.startswith(("/", "~")) or ".." in Path(self.files).parts or "://" in self.files or "\0" in self.files:
            raise ValueError("files: must stay under the landing folder")
        if "{day}" in self.files and "{date}" not in self.files:
            raise ValueError("files: {day}, the day that a file describes, needs {date}, the day it was delivered on, beside it")
        return self

    def _paths(self) -> Iterator[str]:
        """Every path that the source names."""
        for column in self.columns.values():
            yield from (*column.from_, *column.line)
        conditions = [condition for rule in self.skip for condition in rule.when]
        if self.event_type:
            yield from filter(None, [self.event_type.from_])
            conditions += [condition for rule in self.event_type.rules for condition in rule.when]
        yield from (condition.column for condition in conditions)
        yield from (*self.traits.values(), *filter(None, [self.lines]))

    @property
    def warned_after_days(self) -> int | None:
        """After how many open days without a delivery a night warns; None: never, since it may be a file that stays as it is."""
        is_daily = self.kind == "events" and "{date}" in self.files
        return FRESH_WITHIN_DAYS if self.fresh_within_days is None and is_daily else self.fresh_within_days

    @property
    def glob(self) -> str:
        return re.sub(r"(\*?\{(date|day)\}\*?)+", "*", self.files)  # one star each: two would mean folders of any depth

    def files_in(self, landing: Path) -> list[Path]:
        """The source's files below a landing folder; hidden ones are uploads under way.

        Raises:
            SourceFileError: a link leads out of the folder.
        """
        files = sorted(path for path in landing.glob(self.glob) if path.is_file() and not path.name.startswith("."))
        root = landing.resolve()
        for path in files:
            if not path.resolve().is_relative_to(root):
                raise SourceFileError(f"{path.relative_to(landing)} is a link out of the landing folder; put the file itself there")
        return files

    def delivery_date(self, relative_path: str) -> date | None:
        """The date in a file's path below landing/; None where the pattern has none.

        Raises:
            SourceFileError: the path does not match the pattern or holds no such date.
        """
        return self._date_at("date", relative_path)

    def described_day(self, relative_path: str) -> date | None:
        """The day that a file describes, which a newer delivery of that day replaces; None where the pattern has none.

        Raises:
            SourceFileError: the path does not match the pattern or holds no such date.
        """
        return self._date_at("day", relative_path)

    def _date_at(self, place: str, relative_path: str) -> date | None:
        if f"{{{place}}}" not in self.files:
            return None
        usual_length = len(date(2000, 12, 30).strftime(self.date_format))  # {date}-*.csv: what follows may look like more of the date
        texts = (f"[^/]{{{usual_length}}}", "[^/]+?")
        match = next(filter(None, (re.fullmatch(self._name_pattern(text), relative_path) for text in texts)), None)
        if match is None:
            raise SourceFileError(f"{relative_path} does not match {self.files} of source {self.name}")
        try:
            return datetime.strptime(match[place], self.date_format).date()
        except ValueError as error:
            raise SourceFileError(f"{relative_path}: {error}; source {self.name} wants {self.files}") from error

    def _name_pattern(self, text: str) -> str:
        """A regular expression for the paths of the files, `text` being that of a date."""
        pattern = re.escape(self.files).replace(r"\*", "[^/]*")
        for name in ("date", "day"):  # the place may occur twice: a folder and a file of one date
            pattern = pattern.replace(rf"\{{{name}\}}", f"(?P<{name}>{text})", 1).replace(rf"\{{{name}\}}", f"(?P={name})")
        return pattern


class SourceFileError(ValueError):
    """The name of a landing file that its source's pattern does not read."""


@dataclass(frozen=True)
class PathSegment:
    """One step of a path: a name, and where that is a list, which element is meant, by its place from 0, or by a key and value."""

    name: str
    key: str | None = None
    value: str | None = None
    index: int | None = None


def path_segments(path: str) -> tuple[PathSegment, ...]:
    """A path in steps: 'event_params[key=ga_session_id].value.int_value' has three.

    Raises:
        ValueError: it is no path.
    """
    segments = []
    for text in _DOT.split(path):
        match = _SEGMENT.fullmatch(text)
        if match is None:
            raise ValueError(f"{path}: not a path; like a.b, a[0].b, or a[key=name].b for the element of a list whose key is name")
        index = match["index"]
        segments.append(PathSegment(match["name"], match["key"], match["value"], None if index is None else int(index)))
    return tuple(segments)
