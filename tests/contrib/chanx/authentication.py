"""A login by a signed ticket in a cookie, beside that of the session."""

from __future__ import annotations

from typing import Any

from chanx.channels.authenticator import DjangoAuthenticator
from django.contrib.auth.models import User
from django.core import signing
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission, IsAuthenticated

from .models import Board

COOKIE = "ticket"


def ticket_of(user: User) -> str:
    return signing.dumps(user.pk)


class TicketAuthentication(BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[User, None] | None:
        ticket = request.COOKIES.get(COOKIE)
        return ticket and (User.objects.get(pk=signing.loads(ticket)), None)


class IsMember(BasePermission):
    message = "members only"

    def has_object_permission(self, request: Any, view: Any, board: Board) -> bool:
        return board.members.filter(pk=request.user.pk).exists()


class UserAuthenticator(DjangoAuthenticator):
    authentication_classes = [TicketAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]


class BoardAuthenticator(UserAuthenticator):
    permission_classes = [IsAuthenticated, IsMember]
    queryset = Board.objects.all()


class BrokenAuthenticator(UserAuthenticator):
    permission_classes = [object]
