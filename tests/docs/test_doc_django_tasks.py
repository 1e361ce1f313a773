"""What the page about background tasks shows of Django's framework."""

from __future__ import annotations

from channels_testkit import WebsocketTestCase
from tests.workers.test_held_django import IS_THERE, needs_tasks

if IS_THERE:  # pragma: no branch
    from tests.app.django_tasks import shout


@needs_tasks
class ShoutTests(WebsocketTestCase):
    # docs:start result
    def test_the_result(self):
        ann = self.connect("/ws/room/1/")
        with self.held_tasks() as tasks:
            result = shout.enqueue("1", "hello")
            tasks.run()
            self.assertReceivesJson(ann, "HELLO")
            result.refresh()
            self.assertEqual(result.return_value, "HELLO")
            # docs:end result
