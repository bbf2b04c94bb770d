"""A source's mapping, as the shop file declares it, as SQL.

Record paths become the texts v0, v1, … of the records, paths inside an element of `lines` become w0, w1, … of their
pieces; here stands what the canonical fields are made of them. Fields are texts until they are checked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from ingestion.sql import among, literal
from sources import EVENT_TYPES, FIELDS_BY_KIND, NUMBERS, TIMES, Column, Condition, Source

TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
OTHER_EVENT = "event type is declared to be none of ours"
NEVER = "null::varchar"  # the skip reason of a source that declares nothing to be skipped
NO_ARRAY = "lines is no array"
# no place on earth has been further from UTC than 15:57 hours; DuckDB would take +99:99 for one
_NO_OFFSET = "[+-](1[6-9]|[2-9][0-9])[0-9:]*$|[+-][0-9]{2}:?[6-9][0-9](:?[0-9]{2})?$|[+-][0-9]{2}:?[0-9]{2}:?[6-9][0-9]$"
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
        return tuple(dict.fromkeys(path for group in self.needed for path in group))

    @cached_property
    def needed(self) -> tuple[tuple[str, ...], ...]:
        """Groups of paths of a record: of each, a file with named columns has at least one, or it is not what the shop file says."""
        source, event_type = self.source, self.source.event_type
        groups = [column.from_ for column in source.columns.values()] + [(path,) for path in source.traits.values()]
        groups += [(condition.column,) for rule in source.skip for condition in rule.when]
        if event_type:
            groups += [(event_type.from_,)] if event_type.from_ else []
            groups += [(condition.column,) for rule in event_type.rules for condition in rule.when]
        return tuple(dict.fromkeys(filter(None, groups)))

    @cached_property
    def line_paths(self) -> tuple[str, ...]:
        """Every path of an element of `lines` that the shop file names, once."""
        return tuple(dict.fromkeys(path for column in self.source.columns.values() for path in column.line))

    @property
    def trait_names(self) -> tuple[str, ...]:
        """What the fields of the source's traits are called."""
        return tuple(f"trait{index}" for index in range(len(self.source.traits)))

    @property
    def fields(self) -> dict[str, str]:
        """The canonical fields of the source's kind, as SQL texts (times as TIMESTAMPTZ, their texts as <name>_text)."""
        kind = FIELDS_BY_KIND[self.source.kind]
        fields = {name: self.text(name) for name in (*kind["required"], *kind["optional"])}
        fields |= dict(self._times(fields))
        if self.source.kind == "events":
            fields["event_type"] = self.event_type()
        if "currency" in fields:
            fields["currency"] = f"upper({fields['currency']})"
        if self.source.kind == "users":
            fields |= dict(zip(self.trait_names, map(self._value, self.source.traits.values()), strict=True))
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
        if column.decimal == ",":
            # 12.50 is no such number: read as one, it would be 1250
            is_number = f"regexp_full_match({text}, '-?([0-9]+|[0-9]{{1,3}}([.][0-9]{{3}})+)(,[0-9]+)?')"
            text = f"case when {is_number} then replace(replace({text}, '.', ''), ',', '.') when {text} is not null then 'no number' end"
        if column.absolute:
            text = f"ltrim({text}, '-')"
        if column.uppercase:
            text = f"upper({text})"
        if column.separator:
            text = f"replace({text}, {literal(column.separator)}, ' > ')"
        text = f"{literal(column.prefix)} || {text}" if column.prefix else text
        return f"case when {among(f'({self.event_type()})', column.event_types)} then {text} end" if column.event_types else text

    def time(self, field: str) -> str:
        """A time as TIMESTAMPTZ, null where the text is no such time; the session is in the shop's zone."""
        text, column = self.text(field), self.source.columns[field]
        form, zone = column.format or "iso", column.timezone or self.timezone
        if form == "iso":
            return self._iso(text, zone)
        if form in _MICROSECONDS:
            return f"try(make_timestamptz((try_cast({text} as decimal(28, 6)) * {_MICROSECONDS[form]})::bigint))"
        time = f"try_strptime({text}, {literal(form)})"
        if form.endswith("%z"):
            time = f"case when not regexp_matches({text}, {literal(_NO_OFFSET)}) then {time} end"
        return f"timezone({literal(zone)}, {time})" if column.timezone and "%z" not in form else f"{time}::timestamptz"

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
        if self.source.event_type and self.source.event_type.skip_others:
            cases += [f"when ({self.event_type()}) is null then {literal(OTHER_EVENT)}"]
        # others' events may have what they like where ours have lines
        return f"case when fault is null or fault = {literal(NO_ARRAY)} then case {' '.join(cases)} end end" if cases else NEVER

    def _times(self, fields: dict[str, str]) -> Iterator[tuple[str, str]]:
        for name in TIMES:
            if name in fields:
                yield f"{name}_text", fields[name]
                yield name, self.time(name) if name in self.source.columns else "null::timestamptz"

    def _iso(self, text: str, zone: str) -> str:
        """An ISO 8601 time; with the zone's own database, DuckDB takes 2 µs a row, so only other offsets than UTC go there."""
        plain = f"try_cast({text} as timestamp)"
        utc = f"make_timestamptz(epoch_us({plain}))"
        local = utc if zone == "UTC" else f"timezone({literal(zone)}, {plain})"
        has_zone = f"regexp_matches({text}, '[0-9] ?([+-][0-9:]+|[A-Za-z]+[A-Za-z/_+-]*[0-9]*)$')"
        is_to_the_second = f"strlen({text}) = 19 and substring({text}, 17, 1) = ':'"  # saves most files the regular expression
        return (
            f"case when {is_to_the_second} then {local} when ends_with({text}, 'Z') or ends_with({text}, ' UTC') then {utc} "
            f"when strlen({text}) <= 10 or not {has_zone} then {local} "
            f"when not regexp_matches({text}, {literal(_NO_OFFSET)}) then try_cast({text} as timestamptz) end"
        )

    def _origin(self, column: Column) -> str:
        if column.value is not None:
            return literal(str(column.value).lower() if isinstance(column.value, bool) else str(column.value))
        of_record = _first([self._value(path) for path in column.from_])
        if not column.line:
            return of_record
        of_line = _first([self._known(f"w{self.line_paths.index(path)}") for path in column.line])
        return f"case when element is null then {of_record} else {of_line} end" if column.from_ else of_line

    def _value(self, path: str) -> str:
        return self._known(f"v{self.record_paths.index(path)}")

    def _known(self, text: str) -> str:
        unknown = self.source.null_values
        return f"case when not {among(text, unknown)} then {text} end" if unknown else text

    def _all(self, conditions: tuple[Condition, ...]) -> str:
        return " and ".join(f"coalesce({self._holds(condition)}, false)" for condition in conditions)

    def _holds(self, condition: Condition) -> str:
        value = self._value(condition.column)
        if condition.equals is not None:
            return f"{value} = {literal(condition.equals)}"
        if condition.one_of is not None:
            return among(value, condition.one_of)
        if condition.none_of is not None:
            return f"not {among(value, condition.none_of)}"
        if condition.starts_with is not None:
            return f"starts_with({value}, {literal(condition.starts_with)})"
        if condition.matches is not None:
            return f"regexp_matches({value}, {literal(condition.matches)})"
        if condition.at_most is not None:
            return f"try_cast({value} as double) <= {condition.at_most!r}"
        return f"{value} is {'' if condition.is_missing else 'not '}null"


def as_numbers(fields: Iterable[str]) -> dict[str, str]:
    """Of the fields that are numbers, <name>_number as DOUBLE; read once, since checks ask several times."""
    return {f"{name}_number": f"try_cast({name} as double)" for name in fields if name in NUMBERS}


def typed(field: str, type_: str) -> str:
    """A field's text as the lake's type; null where it is no such thing."""
    if type_ == "integer":  # '2.0' is a whole number, too
        return f"try_cast({field}_number as integer)"
    if type_ == "boolean":
        return f"case when {among(f'lower({field})', TRUE)} then true when {among(f'lower({field})', FALSE)} then false end"
    return field if type_ in ("varchar", "timestamptz") else f"try_cast({field} as {type_})"


def midnight(day: date, timezone: str) -> str:
    """The first instant of a day in a zone, as SQL."""
    return f"timezone({literal(timezone)}, timestamp '{day.isoformat()}')"


def _first(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"
