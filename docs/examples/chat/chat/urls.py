from django.urls import path

from . import views

app_name = "chat"
urlpatterns = [
    path("", views.index, name="index"),
    path("rooms/<slug:slug>/", views.room, name="room"),
    path("rooms/<slug:slug>/announce/", views.announce, name="announce"),
    path("rooms/<slug:slug>/wall/", views.wall, name="wall"),
    path("rooms/<slug:slug>/stream/", views.stream, name="stream"),
]
