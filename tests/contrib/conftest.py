from __future__ import annotations

import os

# pytest-django has set it: each project is collected with its own settings.
settings = os.environ.get("DJANGO_SETTINGS_MODULE", "")
projects = ["chanx", "djust", "graphql", "liveops", "liveview"]
collect_ignore = [] if settings.startswith("tests.contrib.") else projects
