"""
The MariaDB server for the suite.

The one that ``MARIADB_HOST`` names, or a private one for the duration of a
run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW_TO_GET = (
    "a MariaDB server (install one, as 'apt-get install mariadb-server' or 'brew "
    "install mariadb' does, or name one by MARIADB_HOST, MARIADB_PORT, MARIADB_USER, "
    "MARIADB_PASSWORD)"
)
#: By these old names Django copies the database for --parallel; newer versions
#: of MariaDB come without them.
OLD_NAMES = {"mysql": "mariadb", "mysqldump": "mariadb-dump"}
PROGRAMS = ["mariadbd", "mariadb-install-db", "mariadb-admin", *OLD_NAMES.values()]
#: Speed before safety: the data live as long as the run.
SERVER_OPTIONS = [
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    # Only a socket, in a directory that no other user can enter.
    "--skip-networking",
]
#: How often mariadb-admin asks, once in a second.
TIMES_TO_ASK = 60


def is_available() -> bool:
    return bool(os.environ.get("MARIADB_HOST") or find_programs())


def find_programs() -> dict[str, str] | None:
    """Give the path of each of MariaDB's programs, if all are here."""
    if os.name != "posix":
        return None
    found = {name: shutil.which(name, path=search_path()) for name in PROGRAMS}
    programs = {name: program for name, program in found.items() if program}
    return programs if len(programs) == len(found) else None


def search_path() -> str:
    # Debian has the server itself where only root looks.
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])


def account() -> list[str]:
    """Say whom to run as: the server refuses root unless it is named."""
    return ["--user=root"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def server() -> Iterator[dict[str, str]]:
    """Have a server for the block; give the variables that lead to it."""
    programs = find_programs()
    if os.environ.get("MARIADB_HOST") or programs is None:
        yield {}
        return
    # A socket's path has to be short.
    home = tempfile.mkdtemp(prefix="channels-testkit-maria-", dir="/tmp")
    try:
        # A file and not a pipe: nobody reads while the server runs.
        with open(f"{home}/log", "a+") as log, running(programs, home, log):
            os.mkdir(f"{home}/bin")
            for old, new in OLD_NAMES.items():
                os.symlink(programs[new], f"{home}/bin/{old}")
            yield {
                "MARIADB_HOST": f"{home}/socket",
                "MARIADB_USER": "root",
                "PATH": os.pathsep.join([f"{home}/bin", search_path()]),
            }
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def running(programs: dict[str, str], home: str, log: IO[str]) -> Iterator[None]:
    """Make a data directory, and run a server on it for the block."""
    options = [f"--datadir={home}/data", *account(), *SERVER_OPTIONS]
    install = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    run([programs["mariadb-install-db"], "--no-defaults", *install, *options], log)
    socket = f"--socket={home}/socket"
    process = subprocess.Popen(
        [programs["mariadbd"], "--no-defaults", socket, *options],
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        # Ctrl-C is for the suite, which then stops the server.
        start_new_session=True,
    )
    try:
        ask = [programs["mariadb-admin"], "--no-defaults", socket, "--user=root"]
        run([*ask, f"--wait={TIMES_TO_ASK}", "ping"], log)
        yield
    finally:
        process.kill()
        process.wait()


def run(command: list[str], log: IO[str]) -> None:
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if finished.returncode:
        log.seek(0)
        message = f"{command[0]} failed:\n{log.read()}"
        raise RuntimeError(message)
