from __future__ import annotations

from django.db import models


class Story(models.Model):
    headline = models.CharField(max_length=80)
    text = models.TextField()

    def __str__(self) -> str:
        return self.headline
