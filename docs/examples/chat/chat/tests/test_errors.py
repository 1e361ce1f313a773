from unittest import mock

from django.db import OperationalError

from chat.models import Message

from .rooms import RoomTestCase


class ErrorTests(RoomTestCase):
    # docs:start application-error
    def test_a_message_that_cannot_be_stored_is_not_broadcast(self):
        ann, ben = self.enter(self.ann, self.ben)
        with mock.patch.object(Message, "save", side_effect=OperationalError):
            with self.assertApplicationRaises(OperationalError):
                ann.send_json({"type": "say", "text": "hello"})
        self.assertReceivesNothing(ben)

    # docs:end application-error
