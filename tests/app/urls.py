from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("broadcast/<int:number>/", views.broadcast),
    path("notes/", views.notes),
    path("anotes/", views.anotes),
]
