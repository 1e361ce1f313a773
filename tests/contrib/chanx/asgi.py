from __future__ import annotations

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from chanx.channels.routing import include, path, re_path
from django.core.asgi import get_asgi_application

from . import consumers

boards = URLRouter(
    [
        path("camel/<int:pk>/", consumers.CamelConsumer.as_asgi()),
        path("<int:pk>/", consumers.BoardConsumer.as_asgi()),
    ]
)
application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(
                URLRouter(
                    [
                        path("ws/boards/", include(boards)),
                        path("ws/lobby/", consumers.LobbyConsumer.as_asgi()),
                        path("ws/lounge/", consumers.LoungeConsumer.as_asgi()),
                        path("ws/broken/", consumers.BrokenConsumer.as_asgi()),
                        path("ws/one/", consumers.TwiceConsumer.as_asgi()),
                        path("ws/two/", consumers.TwiceConsumer.as_asgi()),
                        path("ws/topics/", consumers.TopicConsumer.as_asgi()),
                        path("ws/plain/", consumers.Plain.as_asgi()),
                        path("ws/open/", consumers.OpenConsumer.as_asgi()),
                        re_path(r"^ws/closing/$", consumers.ClosingConsumer.as_asgi()),
                    ]
                )
            )
        ),
    }
)
