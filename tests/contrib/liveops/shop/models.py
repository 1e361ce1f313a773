from __future__ import annotations

from typing import Any

from django.db import models, transaction
from liveops.models import LiveOperation


class Product(models.Model):
    """A row that an import has made."""

    name = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.name


class Import(LiveOperation):
    """Reads a price list; a line ``!`` breaks it."""

    lines = models.JSONField(default=list)
    stages = ("Read", "Save")

    class Meta:
        app_label = "shop"

    def run(self, p: Any) -> None:
        p.status("Reading the list")
        with p.stage("Read"):
            for line in p.track(self.lines):
                if line == "!":
                    raise ValueError("no price in <line>")
                p.log(f"{line} read")
        with p.stage("Save"), transaction.atomic():
            p.status("Saving")
            for line in self.lines:
                Product.objects.create(name=line)
            p.result({"total": len(self.lines)})

    def get_success_url(self) -> str:
        return "/products/"


class Audit(LiveOperation):
    """Hands over to an import, where it is given one."""

    following = models.ForeignKey(Import, models.CASCADE, null=True)
    complaint = models.CharField(max_length=40)

    class Meta:
        app_label = "shop"

    def run(self, p: Any) -> None:
        p.html("#findings", "<em>none</em>")
        p.swap("#note", "note", text="all is well")
        if self.complaint:
            p.error(self.complaint)
        elif self.following is not None:
            p.chain_to(self.following)
