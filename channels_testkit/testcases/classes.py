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

    * ``user``: the user to log in, with what ``get_login()`` returns;
    * ``client``: a Django test client, whose cookies the connection sends;
    * ``headers``: a dict or a list of pairs, of str or bytes, instead of the
      class's; host, origin and cookie are added unless given;
    * ``cookies``: a dict, added to the cookies of the connection;
    * ``signed_cookies``: the same, signed as by ``set_signed_cookie()`` of
      Django's responses; a value may be a pair of a value and its salt;
    * ``subprotocols``: a list, instead of the class's;
    * ``query``: a dict, pairs or a str, added to the path's query string;
    * ``origin``: a str, or ``None`` to send none;
    * ``remote_address``: a host, or a host and a port;
    * ``application``: the application to connect to, instead of the class's;
    * ``path_kwargs``: the arguments that a route would find in the path, for
      a consumer without a route;
    * ``scope``: a dict, merged into the scope last;
    * ``name``: the name of the connection in failures;
    * ``check_protocol``, ``application_errors``, ``receive_timeout``: as the
      class attributes, for this connection alone.

    Without ``user`` and ``client``, the connection sends the cookies of
    ``self.client`` and ``self.async_client``.
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
