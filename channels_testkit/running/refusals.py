"""What is said of a call that comes where the test's loop is not."""

from __future__ import annotations

IN_A_CHILD = (
    "This call runs in a child of the test's process, made by os.fork() or by the"
    " 'fork' of multiprocessing. It has copies of the test's clients, layers and"
    " loop, and the test gets nothing that these send: make the call in its own process"
    " (processes of the application can send through a real layer, see"
    " RedisLayerTestCase)."
)
AFTER_THE_END = (
    "This test has left its event loop, which is about to be closed: make this call"
    " in the test, or in an async fixture."
)
OF_ANOTHER_TEST = (
    "This call is made on an object that belongs to another test, {name}, which has"
    " ended. Make clients and communicators anew for each test: in setUp(), or in the"
    " test."
)
TIMELINE_OVER = (
    "{call}.timeline belongs to a test that has ended, and only a failed test keeps its"
    " timeline. Read it in the test, or in tearDown()."
)
