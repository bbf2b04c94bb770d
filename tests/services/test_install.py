"""The first command on a bare machine: which Python it takes, and what it trusts."""

import ast
import sys

import pytest

from services import install
from settings import PROJECT_ROOT

LOCK = """\
attrs==25.1.0 \\
    --hash=sha256:aa
    # via jsonschema
uv==0.13.9 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via -r requirements.in
uvicorn==0.54.0 \\
    --hash=sha256:dd
"""


def test_the_installer_is_taken_out_of_the_lock_with_all_its_hashes() -> None:
    assert install.locked("uv", LOCK) == "uv==0.13.9 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"


def test_the_projects_own_lock_holds_the_installer() -> None:
    assert "--hash=sha256:" in install.locked("uv", (PROJECT_ROOT / "requirements.txt").read_text())


def test_a_lock_without_the_installer_says_what_to_do() -> None:
    with pytest.raises(SystemExit, match="make lock"):
        install.locked("uv", "attrs==25.1.0\n")


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_a_python_without_wheels_is_refused_with_the_way_out(version: tuple[int, int]) -> None:
    with pytest.raises(SystemExit, match=rf"Python 3.11 to 3.13 is needed, this is {version[0]}.{version[1]}.*PYTHON=python3.13"):
        install._check_version(version, "this is")


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_the_pythons_with_wheels_are_taken(version: tuple[int, int]) -> None:
    install._check_version(version, "this is")


def test_the_index_and_certificates_of_a_company_reach_the_installer() -> None:
    pip = {"index-url": "https://mirror.example.com/simple", "cert": "/etc/company.pem", "timeout": "60"}
    assert install.uv_environment({}, pip) == {"UV_DEFAULT_INDEX": "https://mirror.example.com/simple", "SSL_CERT_FILE": "/etc/company.pem"}
    assert install.uv_environment({"SSL_CERT_FILE": "/etc/mine.pem"}, pip) == {"UV_DEFAULT_INDEX": "https://mirror.example.com/simple"}
    assert install.uv_environment({}, {}) == {}


def test_it_runs_before_anything_is_installed() -> None:
    tree = ast.parse((PROJECT_ROOT / "services" / "install.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_every_line_of_the_locks_is_a_package_with_hashes() -> None:
    for name in ("requirements.txt", "requirements-gpu.txt"):
        lines = (PROJECT_ROOT / name).read_text().splitlines()
        named = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert named and all("==" in line and line.endswith("\\") for line in named), name


def test_the_libraries_for_a_card_fit_the_lock() -> None:
    everywhere, with_card = pins("requirements.txt"), pins("requirements-gpu.txt")
    names = {name for name, _ in everywhere}
    assert {(name, version) for name, version in with_card if name in names} <= everywhere
    assert any(name.startswith("nvidia-") for name, _ in with_card)


def pins(lock: str) -> set[tuple[str, str]]:
    """Names with versions; a name may have several, for several versions of Python."""
    lines = (PROJECT_ROOT / lock).read_text().splitlines()
    return {tuple(line.split()[0].split("==")) for line in lines if line and not line.startswith((" ", "#"))}
