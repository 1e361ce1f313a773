from __future__ import annotations

from django.urls import path

from . import pages, views

urlpatterns = [
    path("broadcast/<int:number>/", views.broadcast),
    path("notes/", views.notes),
    path("anotes/", views.anotes),
    path("pages/<slug:name>/", pages.page),
    path("who/", pages.who),
    path("failing/", pages.failing),
]
