"""What dbt does when it opens an encrypted warehouse: it attaches the file with the key, which no profile and no log holds."""

from pathlib import Path

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from settings import Settings
from warehouse import encryption


class Plugin(BasePlugin):
    """Attaches the profile's database before dbt would, which then finds it there."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        (database,) = self.creds.attach
        encryption.attach(conn, Settings.from_environment(), Path(database.path), database.alias)

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        cursor.execute(f"use {self.creds.database}")
