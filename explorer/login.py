"""The login in front of Streamlit, which has none: everything it serves, and above all its websocket, passes here first."""

import secrets
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

from services import login

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "nightcart_explorer"
HEADERS = [
    (
        b"content-security-policy",
        # vega draws with functions that it makes, DataFrames with WebAssembly; nothing comes from another host
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; base-uri 'self'; form-action 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Login:
    """An ASGI middleware: lets in who knows the password of `admin`, under this machine's own names.

    Not every browser sends a password with a websocket, so the first answer after a login also sets a cookie, which is worth
    something until the process ends. A websocket must come from a page of this very address.

    Args:
        app: what is protected.
        port: on which it is served.
        password: of the user `admin`.
    """

    def __init__(self, app: Application, port: int, password: str) -> None:
        self._app = app
        self._hosts = {name.encode() for name in login.hosts(port)}
        self._login = login.expected(password)
        self._token = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if headers.get(b"host") not in self._hosts:
            await _refuse(scope, receive, send, 400, b"another host's name\n")
        elif scope["type"] == "http" and scope["path"] == "/health":
            await _answer(send, 200, b"ok\n")
        elif not self._knows(headers):
            await _refuse(scope, receive, send, 401, b"a login is needed\n")
        elif scope["type"] == "websocket" and headers.get(b"origin") != b"http://" + headers[b"host"]:
            await _refuse(scope, receive, send, 403, b"a page of another address\n")
        else:
            await self._app(scope, receive, self._adding_headers(send))

    def _knows(self, headers: dict[bytes, bytes]) -> bool:
        if login.is_expected(headers.get(b"authorization", b""), self._login):
            return True
        return login.is_expected(_cookie(headers).encode(), self._token.encode())

    def _adding_headers(self, send: Send) -> Send:
        cookie = (b"set-cookie", f"{COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Strict".encode())

        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = message | {"headers": [*message["headers"], *HEADERS, cookie]}
            await send(message)

        return sent


def _cookie(headers: dict[bytes, bytes]) -> str:
    try:
        cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, body: bytes) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before it was accepted: the browser sees 403
    else:
        await _answer(send, status, body)


async def _answer(send: Send, status: int, body: bytes) -> None:
    challenge = [(b"www-authenticate", login.CHALLENGE.encode())] if status == 401 else []
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode()), *challenge, *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
