from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import StreamingHttpResponse
from django.shortcuts import (
    aget_object_or_404,
    get_object_or_404,
    redirect,
    render,
)
from django.views.decorators.http import require_POST

from .forms import MessageForm
from .groups import relay, send_on_commit
from .models import Room
from .streams import room_events


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


@login_required
def wall(request, slug):
    """Show a room on a screen on the wall."""
    room = get_object_or_404(Room.objects.open_to(request.user), slug=slug)
    return render(request, "chat/wall.html", {"room": room})


@login_required
async def stream(request, slug):
    """Send the screen what it shows, for as long as it is on."""
    user = await request.auser()
    room = await aget_object_or_404(Room.objects.open_to(user), slug=slug)
    try:
        after = int(request.headers.get("Last-Event-ID", 0))
    except ValueError:
        after = 0
    return StreamingHttpResponse(
        room_events(room, after),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache"},
    )
