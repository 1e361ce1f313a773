from __future__ import annotations

from django.db import models

#: So many that the project has 25 tables, with Django's 8.
OTHER_TABLES = 16


class Row(models.Model):
    """What each test writes one of."""

    text = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.text


# A TransactionTestCase flushes these as well, after every test.
for number in range(OTHER_TABLES):
    fields = {
        "__module__": __name__,
        "text": models.CharField(max_length=100),
        "row": models.ForeignKey(Row, models.CASCADE),
    }
    type(f"Table{number}", (models.Model,), fields)
