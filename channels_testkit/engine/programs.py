"""Programs that end with this process, also where that is killed."""

from __future__ import annotations

import os
import subprocess
import weakref

_SECONDS_TO_END = 10.0
# The shell notes its process group, by which all of the program can be killed,
# and looks whether the note is where the watcher finds it.
_PROGRAM = 'echo $$ > "$0/group" && [ -e "$0/group" ] && exec "$@" </dev/null'
# The pipe has no end while this process lives. Until it is killed, the program
# may make its directory anew, so that this goes last. A test may have changed
# PATH; a system may have these programs there alone.
_WATCHER = """
read -r _
ended="$0.ended"
command -p mv "$0" "$ended" || mv "$0" "$ended" || ended="$0"
read -r group < "$ended/group" && kill -9 "-$group"
command -p rm -rf "$ended" "$0" || rm -rf "$ended" "$0"
"""
_watchers: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()


class Watcher:
    """
    Kills a program, and removes its directory, when this process has ended.

    It is a process of its own, so that this one may end by SIGKILL. What the
    program has started ends as well, unless it has left its process group.
    """

    def __init__(self, directory: str) -> None:
        #: What is removed.
        self.directory = directory
        self._process = subprocess.Popen(
            ["sh", "-c", _WATCHER, directory],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is meant for the tests, which may go on to the next.
            start_new_session=True,
        )
        _watchers.add(self._process)

    def arguments(self, *command: str) -> list[str]:
        """
        Return the arguments with which ``sh`` becomes a program.

        The shell has to be started in a new session.
        """
        return ["-c", _PROGRAM, self.directory, *command]

    def end(self) -> None:
        """Kill the program, and return when it and its directory are gone."""
        _let_go(self._process)
        self._process.wait(_SECONDS_TO_END)


def _let_go(watcher: subprocess.Popen[bytes]) -> None:
    if watcher.stdin is not None:
        watcher.stdin.close()


def _let_go_of_all() -> None:
    for watcher in list(_watchers):
        _let_go(watcher)


if hasattr(os, "register_at_fork"):
    # A forked process has no part in it, and may live longer than this one.
    os.register_at_fork(after_in_child=_let_go_of_all)
