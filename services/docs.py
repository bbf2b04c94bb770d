"""The documentation of the warehouse on loopback, behind a login: every table, column and KPI, and what is made of what.

    python -m services.docs        # `make up` starts it

dbt writes it as one file. A browser is told to load nothing from anywhere else, and the address of the tracker that dbt's
page knows is taken out of it.
"""

import logging
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import shop as shops
import steps
import warehouse
from services import environment, keys, login
from settings import PROJECT_ROOT, Settings, read_secrets

log = logging.getLogger("docs")

TRACKER = "//d1fc8wv8zag5ca.cloudfront.net/2.9.0/sp.js"
HEADERS = {
    # the page's own scripts and pictures lie within it
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Pages(BaseHTTPRequestHandler):
    """Answers GET: /health to everybody, the page to who logs in, and nothing under another host's name."""

    server: "Server"

    def do_GET(self) -> None:
        if self.headers.get("Host") not in self.server.hosts:
            self._answer(400, b"another host's name\n")
        elif self.path == "/health":
            self._answer(200, b"ok\n")
        elif not login.is_expected(self.headers.get("Authorization", "").encode(), self.server.login):
            self._answer(401, b"a login is needed\n", {"WWW-Authenticate": login.CHALLENGE})
        elif self.path in ("/", "/index.html"):
            self._answer(200, self.server.page, {"Content-Type": "text/html; charset=utf-8"})
        else:
            self._answer(404, b"no such page\n")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (HEADERS | {"Content-Type": "text/plain", "Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        log.info(format, *arguments)


class Server(ThreadingHTTPServer):
    """One page and who may see it.

    Args:
        port: on loopback; 0 takes a free one.
        page: the HTML.
        password: of the user `admin`.
    """

    daemon_threads = True

    def __init__(self, port: int, page: bytes, password: str) -> None:
        super().__init__((environment.LOOPBACK, port), Pages)
        self.page = page
        self.login = login.expected(password)
        self.hosts = login.hosts(self.server_port)


def written(settings: Settings) -> bytes:
    """The page, written anew. dbt runs in a process of its own, and its memory goes with it."""
    shop = shops.read(PROJECT_ROOT / "shops" / "demo.yml")  # the models are the same for all shops
    folder = settings.data / "docs"
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        file: Path = pool.submit(warehouse.document, settings, shop, folder).result()
    return file.read_text().replace(TRACKER, "").replace(f"{folder}/", "").encode()


def main() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        settings = Settings.from_environment()
        password = read_secrets(settings.secrets_file)[keys.DOCS_PASSWORD]
        with Server(environment.docs_port(), written(settings), password) as server:
            log.info("%s", environment.docs_url())
            server.serve_forever()
    except (steps.StepError, ValueError, OSError) as error:
        sys.exit(f"docs: {error}")


if __name__ == "__main__":
    main()
