from __future__ import annotations

from django.db import models


class Note(models.Model):
    text = models.CharField(max_length=100)
    slug = models.SlugField(unique=True, null=True)  # noqa: DJ001 - many have none

    def __str__(self) -> str:
        return self.text


class Account(models.Model):
    balance = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.balance}"
