"""A source's mapping, as the shop file declares it, as SQL.

Record paths become the texts v0, v1, … of the table `records`, paths inside an element of `lines` become w0, w1, …
of `pieces`; here stands what the canonical fields are made of them. Fields are texts until they are checked.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from ingestion.sql import literal
from shop import EVENT_TYPES, FIELDS_BY_KIND, Column, Condition, Source

TRUE = "('true', 't', 'yes', 'y', '1')"
FALSE = "('false', 'f', 'no', 'n', '0')"
_MICROSECONDS = {"unix_s": 1_000_000, "unix_ms": 1_000, "unix_us": 1}


@dataclass(frozen=True)
class Mapping:
    """A source's columns, event types and skip rules as SQL expressions.

    Args:
        source: the source of the shop file.
        timezone: the shop's zone, in which times without an offset are.
    """

    source: Source
    timezone: str

    @cached_property
    def record_paths(self) -> tuple[str, ...]:
        """Every path of a record that the shop file names, once."""
        source, event_type = self.source, self.source.event_type
        paths = [column.from_ for column in source.columns.values()] + list(source.traits)
        paths += [condition.column for rule in source.skip for condition in rule.when]
        if event_type:
            paths += [event_type.from_] + [condition.column for rule in event_type.rules for condition in rule.when]
        return tuple(dict.fromkeys(filter(None, paths)))

    @cached_property
    def line_paths(self) -> tuple[str, ...]:
        """Every path of an element of `lines` that the shop file names, once."""
        return tuple(dict.fromkeys(column.line for column in self.source.columns.values() if column.line))

    @property
    def fields(self) -> dict[str, str]:
        """The canonical fields of the source's kind, as SQL texts (event_at as TIMESTAMPTZ, its text as event_at_text)."""
        kind = FIELDS_BY_KIND[self.source.kind]
        fields = {name: self.text(name) for name in (*kind["required"], *kind["optional"])}
        if self.source.kind == "events":
            fields |= {"event_type": self.event_type(), "event_at_text": fields["event_at"], "event_at": self.event_at()}
        if "currency" in fields:
            fields["currency"] = f"upper({fields['currency']})"
        if self.source.kind == "users":
            fields["traits"] = self.traits()
        return fields

    def text(self, field: str) -> str:
        """A canonical field as text; null where the source does not map it."""
        column = self.source.columns.get(field)
        if column is None:
            return "null::varchar"
        text = self._origin(column)
        if column.remove_suffix:
            suffix = literal(column.remove_suffix)
            text = f"case when ends_with({text}, {suffix}) then left({text}, -{len(column.remove_suffix)}) else {text} end"
        if column.absolute:
            text = f"ltrim({text}, '-')"
        return f"upper({text})" if column.uppercase else text

    def event_at(self) -> str:
        """The event's time as TIMESTAMPTZ, null where the text is no such time; the session is in the shop's zone."""
        text, form = self.text("event_at"), self.source.columns["event_at"].format or "iso"
        if form == "iso":
            return f"try_cast({text} as timestamptz)"
        if form in _MICROSECONDS:
            return f"try(make_timestamptz((try_cast({text} as decimal(28, 6)) * {_MICROSECONDS[form]})::bigint))"
        return f"try_strptime({text}, {literal(form)})::timestamptz"

    def event_type(self) -> str:
        """The event type: the first rule that holds, else the mapped column, else the default, else null."""
        declared = self.source.event_type
        cases = [f"when {self._all(rule.when)} then {literal(rule.then)}" for rule in declared.rules]
        names = declared.map or ({name: name for name in EVENT_TYPES} if declared.from_ else {})
        cases += [f"when {self._value(declared.from_)} = {literal(name)} then {literal(to)}" for name, to in names.items()]
        default = literal(declared.default) if declared.default else "null::varchar"
        return f"case {' '.join(cases)} else {default} end" if cases else default

    def skip_reason(self) -> str:
        """Why a record is declared to be none of this source's; null where it is one."""
        cases = [f"when {self._all(rule.when)} then {literal(rule.reason)}" for rule in self.source.skip]
        return f"case when fault is null then case {' '.join(cases)} end end" if cases else "null::varchar"

    def traits(self) -> str:
        """The traits of a user as the text of a JSON object."""
        pairs = ", ".join(f"{literal(name)}, {self._value(name)}" for name in self.source.traits)
        return f"json_object({pairs})::varchar"

    def _origin(self, column: Column) -> str:
        if column.value is not None:
            return literal(str(column.value).lower() if isinstance(column.value, bool) else str(column.value))
        if column.line is None:
            return self._value(column.from_)
        of_line = f"w{self.line_paths.index(column.line)}"
        return f"case when element is null then {self._value(column.from_)} else {of_line} end" if column.from_ else of_line

    def _value(self, path: str) -> str:
        return f"v{self.record_paths.index(path)}"

    def _all(self, conditions: tuple[Condition, ...]) -> str:
        return " and ".join(f"coalesce({self._holds(condition)}, false)" for condition in conditions)

    def _holds(self, condition: Condition) -> str:
        value = self._value(condition.column)
        if condition.equals is not None:
            return f"{value} = {literal(condition.equals)}"
        if condition.one_of is not None:
            return f"{value} in ({', '.join(map(literal, condition.one_of))})"
        if condition.starts_with is not None:
            return f"starts_with({value}, {literal(condition.starts_with)})"
        if condition.matches is not None:
            return f"regexp_matches({value}, {literal(condition.matches)})"
        if condition.at_most is not None:
            return f"try_cast({value} as double) <= {condition.at_most!r}"
        return f"{value} is {'' if condition.is_missing else 'not '}null"


def typed(field: str, type_: str) -> str:
    """A field's text as the lake's type; null where it is no such thing."""
    if type_ == "integer":  # '2.0' is a whole number, too
        return f"try_cast(try_cast({field} as double) as integer)"
    if type_ == "boolean":
        return f"case when lower({field}) in {TRUE} then true when lower({field}) in {FALSE} then false end"
    return field if type_ in ("varchar", "timestamptz") else f"try_cast({field} as {type_})"


def midnight(day: date, timezone: str) -> str:
    """The first instant of a day in a zone, as SQL."""
    return f"timezone({literal(timezone)}, timestamp '{day.isoformat()}')"
