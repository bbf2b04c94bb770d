"""Make `.venv` from requirements.txt, every file checked against its hash. Runs on a bare Python: standard library only.

python3 -m services.install          # what every target of the Makefile calls where a lock is newer than .venv
python3 -m services.install --gpu    # with the CUDA libraries of requirements-gpu.txt
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)  # TensorFlow 2.21 has wheels for these
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP, GPU_STAMP = VENV / ".installed", VENV / ".installed-gpu"  # younger than their locks when the installation is complete


def install(gpu):
    """Make the environment, put the locked uv into it, and let that install the rest in tens of seconds."""
    _check_version(sys.version_info[:2], "this is")
    python = VENV / "bin" / "python"
    if not python.exists():
        _make_venv()
    found = subprocess.check_output([str(python), "-c", "import sys; print(*sys.version_info[:2])"], text=True)
    _check_version(tuple(map(int, found.split())), "remove .venv, which has")
    with tempfile.TemporaryDirectory() as folder:
        locked_uv = Path(folder) / "uv.txt"
        locked_uv.write_text(locked("uv", (ROOT / "requirements.txt").read_text()))
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "install", "-qq", "--require-hashes", "-r", str(locked_uv)], os.environ)
    locks = {"requirements.txt": STAMP, **({"requirements-gpu.txt": GPU_STAMP} if gpu or GPU_STAMP.exists() else {})}
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
    uv += [argument for lock in locks for argument in ("-r", str(ROOT / lock))]
    print("installing what requirements.txt names into .venv: some tens of seconds, once", file=sys.stderr)
    _run(uv, {**os.environ, **uv_environment(os.environ, _pip_settings(pip))})
    for stamp in locks.values():
        stamp.touch()


def _make_venv():
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True).create(VENV)
    except subprocess.CalledProcessError:
        shutil.rmtree(VENV)
        sys.exit(f"install: {sys.executable} cannot make a venv with pip in it; on Debian and Ubuntu: apt install python3-venv")


def locked(package, lock):
    """The lines of one package in a compiled lock: its pin and its hashes."""
    match = re.search(rf"^{re.escape(package)}==(?:.*\\\n)*.*", lock, re.MULTILINE)
    if match is None:
        sys.exit(f"install: requirements.txt holds no {package}: run `make lock`")
    return match.group() + "\n"


def uv_environment(environment, pip_settings):
    """What uv has to be told of the machine's pip settings, which it does not read: the index and the certificates."""
    wanted = {"UV_DEFAULT_INDEX": pip_settings.get("index-url"), "SSL_CERT_FILE": pip_settings.get("cert")}
    return {name: value for name, value in wanted.items() if value and not environment.get(name)}


def _pip_settings(pip):
    """pip's own settings, from its files and from PIP_… variables; a later line wins."""
    lines = subprocess.check_output([*pip, "config", "list"], text=True).splitlines()
    pairs = (re.fullmatch(r"(?:global|install|:env:)\.([a-z-]+)='(.*)'", line) for line in lines)
    return {pair.group(1): pair.group(2) for pair in pairs if pair}


def _check_version(version, what):
    if not OLDEST <= version <= NEWEST:
        found, oldest, newest = (".".join(map(str, numbers)) for numbers in (version, OLDEST, NEWEST))
        sys.exit(f"install: Python {oldest} to {newest} is needed, {what} {found}. Choose another: make setup PYTHON=python{newest}")


def _run(command, environment):
    code = subprocess.call(command, env=environment)
    if code != 0:
        sys.exit(f"install: {' '.join(command[:4])} … failed with exit code {code}; the reason is above")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", action="store_true", help="also the CUDA libraries; once installed they stay up to date")
    install(parser.parse_args().gpu)
