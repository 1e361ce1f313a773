from django.conf import settings
from django.db import models
from django.urls import reverse

from .groups import relay, room_group, send_on_commit


class RoomQuerySet(models.QuerySet):
    def open_to(self, user):
        """Staff enter every room, others those they are members of."""
        return self if user.is_staff else self.filter(members=user)


class Room(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="rooms", blank=True
    )

    objects = RoomQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("chat:room", args=[self.slug])

    @property
    def group(self):
        return room_group(self)

    def latest_messages(self, after=0):
        """Return what a newcomer is shown, newest first."""
        messages = self.messages.filter(is_hidden=False, pk__gt=after)
        messages = messages.select_related("author").order_by("-pk")
        return messages[: settings.CHAT_HISTORY_LENGTH]


class Message(models.Model):
    room = models.ForeignKey(Room, models.CASCADE, related_name="messages")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="messages"
    )
    text = models.TextField(max_length=500)
    created = models.DateTimeField(auto_now_add=True)
    is_announcement = models.BooleanField(default=False)
    is_hidden = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return self.text

    def as_frame(self):
        return {
            "type": "announcement" if self.is_announcement else "message",
            "id": self.pk,
            "user": self.author.username,
            "text": self.text,
            "created": self.created.isoformat(),
        }

    def report(self, reporter):
        """Note a complaint, and hide the message when there are enough."""
        Report.objects.get_or_create(message=self, reporter=reporter)
        enough = self.reports.count() >= settings.CHAT_REPORTS_TO_HIDE
        if enough and not self.is_hidden:
            self.is_hidden = True
            self.save(update_fields=["is_hidden"])
            send_on_commit(self.room.group, relay({"type": "hidden", "id": self.pk}))


class Report(models.Model):
    message = models.ForeignKey(Message, models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="reports"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "reporter"], name="one_report_per_member"
            ),
        ]

    def __str__(self):
        return f"{self.reporter} reports {self.message}"


class Mention(models.Model):
    message = models.ForeignKey(Message, models.CASCADE, related_name="mentions")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="mentions"
    )
    is_read = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return f"{self.user} in {self.message}"

    def as_frame(self):
        return {
            "type": "mention",
            "id": self.pk,
            "room": self.message.room.slug,
            "user": self.message.author.username,
            "text": self.message.text,
        }


class PresenceQuerySet(models.QuerySet):
    # The order of check and write lets two tabs of one user, coming or going
    # at once, be announced twice, but never not at all.

    async def aenter(self, room, user, channel):
        """Add a connection; return whether it is the user's first there."""
        is_first = not await self.filter(room=room, user=user).aexists()
        await self.acreate(room=room, user=user, channel=channel)
        return is_first

    async def aleave(self, room, user, channel):
        """Remove a connection; return whether it was the user's last there."""
        await self.filter(channel=channel).adelete()
        return not await self.filter(room=room, user=user).aexists()


class Presence(models.Model):
    """One connection of a user to a room; several tabs are several rows."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="presences")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="presences"
    )
    channel = models.CharField(max_length=100, unique=True)

    objects = PresenceQuerySet.as_manager()

    def __str__(self):
        return f"{self.user} in {self.room}"
