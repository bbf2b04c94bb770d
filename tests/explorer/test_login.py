"""Nothing of the explorer is served before the login, and its websocket takes no page of another address."""

import asyncio
import base64

import pytest

from explorer.login import Login

PORT = 8082
HOST = (b"host", b"127.0.0.1:8082")
RIGHT = (b"authorization", b"Basic " + base64.b64encode(b"admin:a password"))
ORIGIN = (b"origin", b"http://127.0.0.1:8082")


@pytest.fixture
def guarded() -> Login:
    async def page(scope: dict, receive: object, send: object) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"the tables"})
        else:
            await send({"type": "websocket.accept"})

    return Login(page, PORT, "a password")


def ask(guarded: Login, kind: str, *headers: tuple[bytes, bytes], path: str = "/") -> list[dict]:
    sent = []

    async def receive() -> dict:
        return {"type": f"{kind}.connect"}

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(guarded({"type": kind, "path": path, "headers": list(headers)}, receive, send))
    return sent


def status(sent: list[dict]) -> int:
    return sent[0]["status"]


def cookie(sent: list[dict]) -> tuple[bytes, bytes]:
    given = dict(sent[0]["headers"])[b"set-cookie"]
    assert b"HttpOnly; SameSite=Strict" in given
    return b"cookie", given.split(b";")[0]


@pytest.mark.parametrize("path", ["/", "/_stcore/stream", "/media/x.csv", "/health/../"])
def test_without_the_password_there_is_only_the_question_for_it(guarded: Login, path: str) -> None:
    for wrong in (
        (b"x", b"y"),
        (b"authorization", b""),
        (b"authorization", b"Basic " + base64.b64encode(b"admin:another")),
        (b"cookie", b"nightcart_explorer="),
    ):
        sent = ask(guarded, "http", HOST, wrong, path=path)
        assert (status(sent), dict(sent[0]["headers"])[b"www-authenticate"]) == (401, b'Basic realm="Nightcart"')
        assert b"tables" not in sent[1]["body"]


def test_who_knows_it_is_let_in_and_need_not_say_it_again(guarded: Login) -> None:
    sent = ask(guarded, "http", HOST, RIGHT)
    assert (status(sent), sent[1]["body"]) == (200, b"the tables")
    assert status(ask(guarded, "http", HOST, cookie(sent))) == 200


def test_a_cookie_of_another_start_is_worth_nothing(guarded: Login) -> None:
    known = cookie(ask(guarded, "http", HOST, RIGHT))
    started_anew = Login(guarded, PORT, "a password")
    assert status(ask(started_anew, "http", HOST, known)) == 401


def test_a_websocket_needs_the_login_and_a_page_of_this_address(guarded: Login) -> None:
    known = cookie(ask(guarded, "http", HOST, RIGHT))
    assert ask(guarded, "websocket", HOST, ORIGIN, known) == [{"type": "websocket.accept"}]
    for headers in ((HOST, ORIGIN), (HOST, known), (HOST, known, (b"origin", b"http://127.0.0.1:9999")), (ORIGIN, known)):
        assert [message["type"] for message in ask(guarded, "websocket", *headers)] == ["websocket.close"]


def test_nobody_comes_in_under_another_hosts_name(guarded: Login) -> None:
    assert status(ask(guarded, "http", (b"host", b"shop.example.com"), RIGHT)) == 400


def test_whether_it_is_there_may_be_asked_by_anybody(guarded: Login) -> None:
    assert status(ask(guarded, "http", HOST, path="/health")) == 200


def test_the_browser_loads_nothing_from_elsewhere(guarded: Login) -> None:
    policy = dict(ask(guarded, "http", HOST, RIGHT)[0]["headers"])[b"content-security-policy"]
    assert policy.startswith(b"default-src 'self'; ")
    assert b"//" not in policy and b"*" not in policy
