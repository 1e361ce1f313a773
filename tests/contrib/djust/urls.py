from __future__ import annotations

from django.http import HttpResponse
from django.urls import path

from . import views

urlpatterns = [
    path("counter/", views.Counter.as_view()),
    path("notes/<int:pk>/", views.NoteDetail.as_view()),
    path("shelf/", views.Shelf.as_view()),
    path("members/", views.Members.as_view()),
    path("login/", views.SignIn.as_view()),
    path("plain/", lambda request: HttpResponse("no LiveView")),
]
