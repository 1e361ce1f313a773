"""What is said of a call that comes where the test's loop is not."""

from __future__ import annotations

IN_A_CHILD = (
    "This call runs in a child of the test's process, made by os.fork() or by the"
    " 'fork' of multiprocessing. It has copies of the test's clients, layers and"
    " loop, and nobody hears what they send: make the call in the test's own process"
    " (processes of the application can send through a real layer, see"
    " RedisLayerTestCase)."
)
AFTER_THE_END = (
    "This test has left its event loop, which is about to be closed: make this call"
    " in the test, or in an async fixture."
)
OF_ANOTHER_TEST = (
    "This call is made on something that belongs to another test, {name}, which has"
    " ended. Each test makes its own clients and communicators: in setUp(), or in the"
    " test."
)
TIMELINE_OVER = (
    "{call}.timeline is that of a test which has ended, and only failed tests keep"
    " theirs. Read it in the test, or in tearDown()."
)
