from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from chat.models import Room


class Command(BaseCommand):
    help = "Make a room and three users whose passwords are their names."

    def handle(self, **options):
        if not settings.DEBUG:
            raise CommandError("These passwords are for development only.")
        room, _ = Room.objects.get_or_create(slug="lobby", defaults={"name": "Lobby"})
        for name in ["ann", "ben", "sue"]:
            is_staff = name == "sue"
            user, _ = get_user_model().objects.get_or_create(
                username=name, defaults={"is_staff": is_staff, "is_superuser": is_staff}
            )
            user.set_password(name)
            user.save()
            room.members.add(user)
        self.stdout.write("Log in as ann, ben or sue (staff).")
