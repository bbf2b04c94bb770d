"""A shop's own web server that asks for a person's recommendations: one held connection per build, a few lines in all.

    python docs/examples/recommendations_server.py data/demo/serving     # then: curl 127.0.0.1:8090/KEY

It needs duckdb and nothing else. The rows lie in the order of user_key, so DuckDB reads only the row group that holds the
person. A flip is seen at the next question: `current` then leads to another folder, which is opened instead.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import duckdb

QUERY = "select item_id from user_recommendations where user_key = ? order by rank"


class Recommendations:
    """What is published, held open.

    Args:
        serving: the shop's folder `serving/`.
    """

    def __init__(self, serving: Path) -> None:
        self._current = serving / "current"
        self._opened: tuple[Path | None, duckdb.DuckDBPyConnection | None] = (None, None)
        self._opening = threading.Lock()

    def of(self, user: UUID) -> list[str]:
        """The item ids in the order in which they are to be shown; none for people of whom nothing is known."""
        return [item for (item,) in self._connection().cursor().execute(QUERY, [user]).fetchall()]

    def _connection(self) -> duckdb.DuckDBPyConnection:
        build = self._current.resolve()
        with self._opening:
            if self._opened[0] != build:
                # what the old build is still asked goes on: its connection closes when nobody holds it
                self._opened = (build, duckdb.connect(str(build / "shop.duckdb"), read_only=True, config={"threads": 1}))
            return self._opened[1]


class Handler(BaseHTTPRequestHandler):
    """Answers GET /<user_key> with a JSON list."""

    recommendations: Recommendations

    def do_GET(self) -> None:
        try:
            user = UUID(self.path.lstrip("/"))
        except ValueError:
            self.send_error(400, "no user_key")
            return
        body = json.dumps(self.recommendations.of(user)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Handler.recommendations = Recommendations(Path(sys.argv[1]))
    ThreadingHTTPServer(("127.0.0.1", 8090), Handler).serve_forever()
