from __future__ import annotations

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

from . import consumers

websocket_routes = [
    path("ws/echo/", consumers.EchoConsumer.as_asgi()),
    path("ws/room/<int:number>/", consumers.RoomConsumer.as_asgi()),
    path("ws/sync-room/<int:number>/", consumers.SyncRoomConsumer.as_asgi()),
    path("ws/who/", consumers.WhoConsumer.as_asgi()),
    path("ws/count/", consumers.CountConsumer.as_asgi()),
]

#: Without login and origins, for tests that touch no database.
websocket_application = URLRouter(websocket_routes)

application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(websocket_application)
        ),
    }
)
