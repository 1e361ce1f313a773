"""One ASGI application: what it may send, its scope, its record."""
