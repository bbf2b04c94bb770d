"""Serve the explorer on loopback, behind a login.

python -m explorer        # `make up` starts it; NIGHTCART_EXPLORER_PORT (8082) chooses another port
"""

import sys
from pathlib import Path

import streamlit
from starlette.middleware import Middleware

from explorer.login import Login
from services import environment, keys
from settings import Settings, read_secrets

SCRIPT = Path(__file__).with_name("app.py")


def options(port: int) -> dict[str, object]:
    """Streamlit's settings: loopback, nothing reported, nothing watched, no menu for developers."""
    return {
        "server.address": environment.LOOPBACK,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
    }


def main() -> None:
    try:
        port = environment.explorer_port()
        password = read_secrets(Settings.from_environment().secrets_file)[keys.EXPLORER_PASSWORD]
    except KeyError as error:
        sys.exit(f"explorer: no password {error}: run `python -m services.setup`")
    except ValueError as error:
        sys.exit(f"explorer: {error}")
    streamlit.App(SCRIPT, middleware=[Middleware(Login, port=port, password=password)]).run(config=options(port))


if __name__ == "__main__":
    main()
