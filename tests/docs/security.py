"""What docs/topics/security.rst warns of; nothing runs it."""

from __future__ import annotations

from channels_testkit import LiveServerTestCase


# docs:start public
class PublicTests(LiveServerTestCase):
    host = "0.0.0.0"  # the whole network can log in
    # docs:end public
