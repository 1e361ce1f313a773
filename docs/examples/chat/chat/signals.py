import re

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from .groups import account_group, login_group, relay, send_on_commit, user_group
from .models import Mention, Message

MENTION = re.compile(r"@([\w+-]+(?:\.[\w+-]+)*)")


@receiver(post_save, sender=Message)
def notify_mentioned_members(instance, created, **kwargs):
    """Tell each member named as "@ben" in a new message, wherever they are."""
    names = set(MENTION.findall(instance.text))
    if not created or not names:
        return
    members = instance.room.members.filter(username__in=names)
    for user in members.exclude(pk=instance.author_id):
        mention = Mention.objects.create(message=instance, user=user)
        send_on_commit(user_group(user), relay(mention.as_frame()))


@receiver(user_logged_out)
def close_connections_of_login(request, **kwargs):
    if request.session.session_key:
        send_on_commit(login_group(request.session), {"type": "logged.out"})


@receiver(post_save, sender=settings.AUTH_USER_MODEL)
def close_connections_of_deactivated_user(instance, **kwargs):
    if not instance.is_active:
        send_on_commit(account_group(instance), {"type": "logged.out"})


@receiver(post_delete, sender=settings.AUTH_USER_MODEL)
def close_connections_of_deleted_user(instance, **kwargs):
    send_on_commit(account_group(instance), {"type": "logged.out"})
