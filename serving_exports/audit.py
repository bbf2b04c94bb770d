"""What is asked of a build before consumers may see it: written and read back, but not yet current.

A check looks for rows that should not be there and passes when it finds none. The checks on every table are made here,
from its key and columns; what concerns one table or several is a query in `audits/`, whose file name is the sentence it
proves. The queries see `serving` (what was written), `warehouse` (what it was made from), and the variables `run_date`,
`k`, `max_per_category`, `max_per_brand` and `min_people`.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from serving_exports.tables import Column, columns, content_hash, literal, quoted
from shop import Shop
from warehouse import ServingTable

AS_USUAL = "what came tonight is what comes on such a day"
QUERIES = Path(__file__).parent / "audits"

# Columns that name something and may be text: an item, or something Nightcart made itself. Whatever else ends in _id could
# be an id that came in through landing/.
NAMING_COLUMNS = {
    "item_id", "reason_item_id", "similar_item_id", "recommendation_id", "build_id", "cluster_id", "audience_id", "campaign_id",
}  # fmt: skip
NAMING_ENDS = {"id", "key", "uuid", "email", "phone", "address", "surname", "ip"}
EMAIL = r"[[:alnum:]._%+-]+@[[:alpha:]][[:alnum:]-]*(\.[[:alnum:]-]+)*\.[[:alpha:]]{2,}"  # recall@10 is none


@dataclass(frozen=True)
class Check:
    """The answer to one question: `name` is the sentence that should hold, `detail` says how it does not (empty if it does)."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class WrittenTable:
    """A published table as it lies in the build."""

    table: ServingTable
    columns: list[Column]
    rows: int
    content_hash: str


def read_back(connection: duckdb.DuckDBPyConnection, table: ServingTable) -> WrittenTable:
    """A table of the attached `serving`, counted and hashed."""
    relation = f"serving.{quoted(table.name)}"
    of = columns(connection, "serving", table.name)
    rows = connection.execute(f"select count(*) from {relation}").fetchone()[0]
    return WrittenTable(table, of, rows, content_hash(connection, relation, table.name, of))


def run(
    connection: duckdb.DuckDBPyConnection,
    written: list[WrittenTable],
    parquet: Path | None,
    run_date: date,
    shop: Shop,
    despite_volume: bool = False,
) -> list[Check]:
    """Every check on a build; `connection` has it attached as `serving` and `public_shop`, and its origin as `warehouse`.

    Args:
        parquet: the folder of its Parquet files; None where it has none.
        despite_volume: somebody has looked at a day that is missing or too small, and publishes it as it is.
    """
    connection.execute(f"set variable run_date = date '{run_date}'")
    rules = {name: getattr(shop.recommendations, name) for name in ("k", "max_per_category", "max_per_brand")}
    for name, value in (rules | {"min_people": shop.segments.min_people}).items():
        connection.execute(f"set variable {name} = {'null' if value is None else value}")
    checks = [check for table in written for check in _table_checks(connection, table, parquet)]
    checks += [_query_check(connection, file) for file in sorted(QUERIES.glob("*.sql"))]
    checks += _public_checks(connection, [table.table for table in written])
    return [*checks, _intake_check(connection, despite_volume)]


def _public_checks(connection: duckdb.DuckDBPyConnection, tables: list[ServingTable]) -> list[Check]:
    """Of what wider readers get: no table of single people, whatever a model says of itself, and no row of too few."""
    single = """
        select table_name, column_name from duckdb_columns()
        where database_name = 'public_shop' and (contains(data_type, 'UUID') or regexp_matches(column_name, '(user|visitor|device)_key'))
    """
    few = " union all ".join(
        f"select {literal(table.name)} as table_name from public_shop.{quoted(table.name)}"
        f" where {quoted(table.people)} between 1 and getvariable('min_people') - 1"
        for table in tables
        if table.is_public and table.people
    )
    checks = [_none_found(connection, "shop_public: no column could name a person", single)]
    return [*checks, _none_found(connection, "shop_public: no row is of fewer people than the shop file allows", few)] if few else checks


def _intake_check(connection: duckdb.DuckDBPyConnection, despite_volume: bool) -> Check:
    held = connection.execute("select sentence from warehouse.fct_intake_checks where verdict = 'hold' order by sentence").fetchall()
    if not held:
        return Check(AS_USUAL, True)
    to_do = "published with --despite-volume" if despite_volume else "if that is right: call the day closed, or publish --despite-volume"
    return Check(AS_USUAL, despite_volume, "; ".join([*(sentence for (sentence,) in held), to_do]))


def _table_checks(connection: duckdb.DuckDBPyConnection, written: WrittenTable, parquet: Path | None) -> list[Check]:
    name, table = written.table.name, f"serving.{quoted(written.table.name)}"
    names = {column.name for column in written.columns}
    checks = [_key_check(connection, written.table), _names_check(written)]
    if parquet:
        checks.insert(1, _parquet_check(connection, written, parquet))
    if "run_date" in names:
        other_nights = f"select run_date from {table} where run_date is distinct from getvariable('run_date')"
        checks.append(_none_found(connection, f"{name}: every row is of this night", other_nights))
    if "user_key" in names:
        strangers = f"select user_key from {table} where user_key not in (select user_key from warehouse.int_user_eligibility)"
        checks.append(_none_found(connection, f"{name}: only people who agreed to be in it", strangers))
    return [*checks, _emails_check(connection, written)]


def _key_check(connection: duckdb.DuckDBPyConnection, table: ServingTable) -> Check:
    names = ", ".join(quoted(name) for name in table.key)
    missing = " or ".join(f"{quoted(name)} is null" for name in table.key)
    faults = f"select {names} from serving.{quoted(table.name)} group by all having count(*) > 1 or {missing}"
    return _none_found(connection, f"{table.name}: the key ({', '.join(table.key)}) is unique and never null", faults)


def _parquet_check(connection: duckdb.DuckDBPyConnection, written: WrittenTable, folder: Path) -> Check:
    """Reads the Parquet file back, whole: the same rows give the same content hash."""
    name = written.table.name
    sentence = f"{name}: the Parquet file holds the same rows as the database"
    relation = f"read_parquet({literal(folder / f'{name}.parquet')})"
    try:
        passed = content_hash(connection, relation, name, written.columns) == written.content_hash
    except (duckdb.BinderException, duckdb.IOException) as error:  # it lacks a column, or is not there
        return Check(sentence, False, str(error).splitlines()[0])
    return Check(sentence, passed, "" if passed else "their contents differ")


def _names_check(written: WrittenTable) -> Check:
    """No column that could carry an id from outside: a `…_key` is a pseudonym (UUID), a text id is one of ours or an item's."""
    suspects = [column.name for column in written.columns if _may_carry_a_raw_id(column)]
    return Check(f"{written.table.name}: no column could carry a raw id", not suspects, ", ".join(suspects))


def _may_carry_a_raw_id(column: Column) -> bool:
    is_pseudonym = column.type == "UUID" and column.name.endswith("_key")
    return column.name.lower().split("_")[-1] in NAMING_ENDS and not is_pseudonym and column.name not in NAMING_COLUMNS


def _emails_check(connection: duckdb.DuckDBPyConnection, written: WrittenTable) -> Check:
    """The likeliest raw id of all is found by its form; the value itself is not repeated."""
    texts = [column.name for column in written.columns if column.type in ("VARCHAR", "VARCHAR[]")]
    found = " union all ".join(
        f"select {literal(name)} as column_name from serving.{quoted(written.table.name)}"
        f" where regexp_matches(cast({quoted(name)} as varchar), '{EMAIL}')"
        for name in texts
    )
    sentence = f"{written.table.name}: no text looks like an e-mail address"
    return _none_found(connection, sentence, found) if texts else Check(sentence, True)


def _query_check(connection: duckdb.DuckDBPyConnection, file: Path) -> Check:
    return _none_found(connection, file.stem.replace("_", " "), file.read_text())


def _none_found(connection: duckdb.DuckDBPyConnection, sentence: str, faults: str) -> Check:
    """`faults` selects what should not be there; the detail counts it and shows the first."""
    try:
        count, first = connection.execute(
            f"with faults as (\n{faults}\n) select count(*), min(cast(to_json(faults) as varchar)) from faults"
        ).fetchone()
    except (duckdb.CatalogException, duckdb.BinderException) as error:  # a table or column of the contract is not there
        return Check(sentence, False, f"could not be asked: {str(error).splitlines()[0]}")
    return Check(sentence, count == 0, f"{count} found, such as {first}" if count else "")
