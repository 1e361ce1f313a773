"""A crowd: so many users connect, and what each takes in time and memory."""

from __future__ import annotations

import tracemalloc
import unittest

from channels_testkit import SimpleWebsocketTestCase

from .measuring import Repeats, Side, calls, compare, run

PATH = "/listen/"


class Crowd(Repeats, SimpleWebsocketTestCase):
    users = 1
    kibibytes = 0.0

    def connect_all(self) -> None:
        self.repeat(lambda: self.connect_many(self.users, PATH))

    async def aconnect_all(self) -> None:
        await self.arepeat(lambda: self.aconnect_many(self.users, PATH))

    def weigh(self) -> None:
        tracemalloc.start()
        try:
            everybody = self.connect_many(self.users, PATH)
            size, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        type(self).kibibytes = size / 1024 / len(everybody)


def measure(*, smoke: bool) -> None:
    for number in (10,) if smoke else (1_000, 5_000, 20_000):
        compare(
            f"{number:,} users connect, for each of them",
            [
                side("sync test", "connect_all", number),
                side("async test", "aconnect_all", number),
            ],
            1 if smoke else 3,
        )
    weigh(10 if smoke else 5_000)


def side(name: str, method: str, number: int) -> Side:
    once = calls(name, Crowd, method, 1)

    def sample() -> float:
        Crowd.users = number
        return once.sample() / number

    return once._replace(sample=sample)


def weigh(number: int) -> None:
    Crowd.users = number
    run(unittest.TestSuite([Crowd("weigh")]))
    print(f"\nMemory of {number:,} users: {Crowd.kibibytes:.1f} KiB each")
