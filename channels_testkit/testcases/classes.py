"""The base classes: the life cycle, on each of Django's test cases."""

from __future__ import annotations

from django.test import SimpleTestCase, TestCase, TransactionTestCase

from channels_testkit.assertions.methods import WebsocketMethods

from .life_cycle import ChannelTestMixin

__unittest = True


class WebsocketTestMixin(WebsocketMethods, ChannelTestMixin):
    """
    What ``WebsocketTestCase`` adds to a Django test case.

    Put it before any other test case class. The calls that make a connection
    take these options, by keyword only:

    * ``user``: who is logged in, by what ``get_login()`` returns;
    * ``client``: a Django test client, whose cookies are the connection's;
    * ``headers``: a dict or a list of pairs, of str or bytes, in the place of
      the class's; host, origin and cookie are added unless given;
    * ``cookies``: a dict, added to the cookies of the connection;
    * ``signed_cookies``: the same, signed as ``set_signed_cookie()`` of
      Django's responses does; a value may be a pair of it and its salt;
    * ``subprotocols``: a list, in the place of the class's;
    * ``query``: a dict, pairs or a str, added to that of the path;
    * ``origin``: a str, or ``None`` to send none;
    * ``remote_address``: a host, or a host and a port;
    * ``application``: what to connect to, in the place of the class's;
    * ``path_kwargs``: what a route would have found, for a bare consumer;
    * ``scope``: a dict, merged into the scope last;
    * ``name``: how failures call the connection;
    * ``check_protocol``, ``application_errors``, ``receive_timeout``: as the
      class attributes, for this connection alone.

    Without ``user`` and ``client``, the cookies of ``self.client`` and
    ``self.async_client`` are sent.
    """


class ChannelTestCase(ChannelTestMixin, TestCase):
    """
    Django's ``TestCase`` with captive channel layers.

    Each test has fresh layers, one loop, and one transaction that the
    application shares.

    Example::

        Group("lobby").send({"type": "chat.message", "text": "hello"})
        self.assertGroupSent("lobby", {"text": "hello"}, partial=True)
    """


class TransactionChannelTestCase(ChannelTestMixin, TransactionTestCase):
    """Django's ``TransactionTestCase`` with captive channel layers."""


class SimpleChannelTestCase(ChannelTestMixin, SimpleTestCase):
    """Django's ``SimpleTestCase`` with captive channel layers."""


class WebsocketTestCase(WebsocketTestMixin, TestCase):
    """
    ``ChannelTestCase`` with WebSocket connections to the application.

    Example::

        ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/1/")
        ann.send_json({"message": "hello"})
        self.assertReceivesJson(ben, {"message": "hello"})
    """


class TransactionWebsocketTestCase(WebsocketTestMixin, TransactionTestCase):
    """``TransactionChannelTestCase`` with WebSocket connections."""


class SimpleWebsocketTestCase(WebsocketTestMixin, SimpleTestCase):
    """``SimpleChannelTestCase`` with WebSocket connections."""
