"""The project's application and its routes."""
