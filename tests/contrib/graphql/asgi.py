from __future__ import annotations

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path
from strawberry.channels import GraphQLHTTPConsumer

django_application = get_asgi_application()

from .consumers import (  # noqa: E402 - wants apps
    ChatConsumer,
    DeafConsumer,
    OddConsumer,
    OldConsumer,
    PingingConsumer,
    PlainConsumer,
    SilentConsumer,
)
from .schema import schema  # noqa: E402 - as above

http_routes = [
    path("graphql/", GraphQLHTTPConsumer.as_asgi(schema=schema)),
    re_path("", django_application),
]
routes = [
    path("graphql/", ChatConsumer.as_asgi(schema=schema)),
    path("old/", OldConsumer.as_asgi()),
    path("deaf/", DeafConsumer.as_asgi()),
    path("pinging/", PingingConsumer.as_asgi()),
    path("odd/", OddConsumer.as_asgi()),
    path("silent/", SilentConsumer.as_asgi()),
    path("plain/", PlainConsumer.as_asgi()),
]
application = ProtocolTypeRouter(
    {
        "http": AuthMiddlewareStack(URLRouter(http_routes)),
        "websocket": AuthMiddlewareStack(URLRouter(routes)),
    }
)
