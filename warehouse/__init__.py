"""The only way into the warehouse: runs dbt under the shop's lock, and hands out short read-only readers.

Other parts use the names below; `python -m warehouse` builds and tests.
"""

from warehouse.building import build, test
from warehouse.dbt_calls import DBT_PROJECT, STAGES
from warehouse.dbt_variables import variables
from warehouse.documentation import document
from warehouse.encryption import attach
from warehouse.locking import lock
from warehouse.reading import ServingTable, reader, serving_tables
from warehouse.state import path, remove, watermark

__all__ = [
    "DBT_PROJECT",
    "STAGES",
    "ServingTable",
    "attach",
    "build",
    "document",
    "lock",
    "path",
    "reader",
    "remove",
    "serving_tables",
    "test",
    "variables",
    "watermark",
]
