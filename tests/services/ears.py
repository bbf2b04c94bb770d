"""A mail server and a web server on free ports, which write down what they hear."""

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread


@dataclass
class Ears:
    """What was heard, and where."""

    mail: list[str] = field(default_factory=list)
    posts: list[dict] = field(default_factory=list)
    mail_port: int = 0
    web_port: int = 0


class Mailbox(socketserver.StreamRequestHandler):
    """As much of a mail server as `smtplib` needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        in_data = False
        for line in self.rfile:
            text = line.decode().strip()
            if in_data:
                self.server.ears.mail.append(text)
                in_data = text != "."
                self.wfile.write(b"" if in_data else b"250 kept\r\n")
            elif text.upper().startswith("DATA"):
                in_data = True
                self.wfile.write(b"354 go on\r\n")
            else:
                self.wfile.write(b"221 bye\r\n" if text.upper() == "QUIT" else b"250 fine\r\n")


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.ears.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening() -> Iterator[Ears]:
    """Both servers, for as long as the context lasts."""
    ears = Ears()
    mail, web = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox), HTTPServer(("127.0.0.1", 0), Webhook)
    for server in (mail, web):
        server.ears = ears
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    ears.mail_port, ears.web_port = mail.server_address[1], web.server_address[1]
    try:
        yield ears
    finally:
        for server in (mail, web):
            server.shutdown()
            server.server_close()
