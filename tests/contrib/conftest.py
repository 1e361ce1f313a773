from __future__ import annotations

import os

# pytest-django has set it: each project is collected with its own settings.
settings = os.environ.get("DJANGO_SETTINGS_MODULE", "")
collect_ignore_glob = [] if settings.startswith("tests.contrib.") else ["*"]
