"""A small project on django-liveview, and its tests."""
