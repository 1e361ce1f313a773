from django.urls import path

from .consumers import (
    ChatConsumer,
    DiceConsumer,
    ModerationConsumer,
    NotificationConsumer,
)

websocket_urlpatterns = [
    path("ws/chat/<slug:slug>/", ChatConsumer.as_asgi()),
    path("ws/notifications/", NotificationConsumer.as_asgi()),
    path("ws/dice/<int:sides>/", DiceConsumer.as_asgi()),
]

channel_routes = {
    "moderation": ModerationConsumer.as_asgi(),
}
