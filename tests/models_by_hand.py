"""Single dbt models as SQL, rendered without dbt: a question that concerns one model alone need not wait for a whole build."""

import functools

import jinja2

from warehouse import DBT_PROJECT


def rendered(model: str, **variables: object) -> str:
    """The SQL of a model; what it reads are tables of the same name, of a source too.

    Args:
        variables: those that the model asks for, as `warehouse.variables` gives them.

    Example:
        >>> connection.sql(rendered("stg_events", run_date="2026-03-30", timezone="Europe/Berlin", lake="lake"))
    """
    known = {"var": variables.__getitem__, "ref": lambda name: name, "source": lambda _, name: name, "config": lambda **_: ""}
    return _template(model).render(known)


@functools.cache
def _template(model: str) -> jinja2.Template:
    (file,) = (DBT_PROJECT / "models").glob(f"*/{model}.sql")
    macros = "".join(macro.read_text() for macro in sorted((DBT_PROJECT / "macros").glob("*.sql")))
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    return environment.from_string(macros + file.read_text())
