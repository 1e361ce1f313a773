from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from .forms import MessageForm
from .groups import relay, send_on_commit
from .models import Room


@login_required
def index(request):
    rooms = Room.objects.open_to(request.user)
    return render(request, "chat/index.html", {"rooms": rooms})


@login_required
def room(request, slug):
    room = get_object_or_404(Room.objects.open_to(request.user), slug=slug)
    return render(request, "chat/room.html", {"room": room, "form": MessageForm()})


@login_required
@require_POST
def announce(request, slug):
    """Tell everybody in a room something, as staff."""
    if not request.user.is_staff:
        raise PermissionDenied
    room = get_object_or_404(Room, slug=slug)
    form = MessageForm(request.POST)
    if not form.is_valid():
        context = {"room": room, "form": form}
        return render(request, "chat/room.html", context, status=400)
    form.instance.room = room
    form.instance.author = request.user
    form.instance.is_announcement = True
    with transaction.atomic():
        message = form.save()
        send_on_commit(room.group, relay(message.as_frame()))
    return redirect(room)
