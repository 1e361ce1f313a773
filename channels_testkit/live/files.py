"""Static and media files, served beside the project's application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.views.static import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import FileResponse, HttpRequest

    from channels_testkit.asgi.application import ASGIApplication


class MediaFiles(ASGIStaticFilesHandler):
    """What is in ``MEDIA_ROOT``, at ``MEDIA_URL``, before the application."""

    def get_base_url(self) -> str:
        """Return where media files are."""
        return str(settings.MEDIA_URL)

    def _should_handle(self, path: str) -> bool:
        # MEDIA_URL is "/" where nobody has set it.
        return (
            bool(settings.MEDIA_ROOT)
            and self.base_url.path != "/"
            and super()._should_handle(path)
        )

    def serve(self, request: HttpRequest) -> FileResponse | Any:
        """Serve the file that the request asks for."""
        path = self.file_path(request.path)
        return serve(request, path, document_root=settings.MEDIA_ROOT)


def with_files(
    application: ASGIApplication,
    static_wrapper: Callable[[ASGIApplication], ASGIApplication] | None,
) -> ASGIApplication:
    """Return the application behind its static files and media files."""
    media: Any = MediaFiles(cast("Any", application))
    if static_wrapper is None or not apps.is_installed("django.contrib.staticfiles"):
        return cast("ASGIApplication", media)
    return static_wrapper(media)
