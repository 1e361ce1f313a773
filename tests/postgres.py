"""
The PostgreSQL server for the suite.

The one that ``PGHOST`` names, or a private one for the duration of a run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW_TO_GET = (
    "a PostgreSQL server (install one, as 'apt-get install postgresql' or 'brew "
    "install postgresql' does, or name one by PGHOST, PGPORT, PGUSER, PGPASSWORD)"
)
PROGRAMS = ["initdb", "pg_ctl", "postgres"]
#: Speed before safety: the data live as long as the run.
SERVER_OPTIONS = [
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    # Only a socket, in a directory that no other user can enter.
    "listen_addresses=",
]


def is_available() -> bool:
    return bool(os.environ.get("PGHOST") or find_programs())


def find_programs() -> Path | None:
    """Give the directory that holds PostgreSQL's server programs, if any."""
    for directory in candidates() if os.name == "posix" else ():
        if all((directory / name).exists() for name in PROGRAMS):
            return directory
    return None


def candidates() -> Iterator[Path]:
    if program := shutil.which("initdb"):
        yield Path(program).resolve().parent
    if program := shutil.which("pg_config"):
        answer = subprocess.run([program, "--bindir"], capture_output=True, text=True)
        yield Path(answer.stdout.strip())
    # Debian has a directory here for each version, and none of them on PATH.
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(versions, key=lambda path: float(path.parent.name), reverse=True)


def account() -> dict[str, Any]:
    """Say whom to run as, in Popen's terms: the server refuses root."""
    if os.geteuid() != 0:
        return {}
    import pwd  # there is none on Windows

    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def server() -> Iterator[dict[str, str]]:
    """Have a server for the block; give the variables that lead to it."""
    programs = find_programs()
    if os.environ.get("PGHOST") or programs is None:
        yield {}
        return
    # Any user may enter /tmp, and a socket's path has to be short.
    home = tempfile.mkdtemp(prefix="channels-testkit-pg-", dir="/tmp")
    as_whom = account()
    if as_whom:
        os.chown(home, as_whom["user"], as_whom["group"])

    def run(program: str, *arguments: str) -> None:
        # A file and not a pipe: the server would hold a pipe open.
        with open(f"{home}/{program}.log", "a+") as log:
            finished = subprocess.run(
                [programs / program, "-D", f"{home}/data", *arguments],
                cwd=home,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **as_whom,
            )
            if finished.returncode:
                log.seek(0)
                message = f"{program} failed:\n{log.read()}"
                raise RuntimeError(message)

    options = " ".join(f"-c {option}" for option in SERVER_OPTIONS)
    try:
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "start", "-w", "-o", f"-k {home} {options}")
        yield {"PGHOST": home, "PGPORT": "5432", "PGUSER": "postgres"}
    finally:
        # This fails where nothing was started; that error is known already.
        with contextlib.suppress(RuntimeError):
            run("pg_ctl", "stop", "-m", "immediate", "-w")
        shutil.rmtree(home, ignore_errors=True)
