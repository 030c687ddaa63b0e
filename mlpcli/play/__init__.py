"""A page on this machine on which a network learns as one watches, in the engine of ``mlp train``."""

from __future__ import annotations

from mlpcli.errors import UsageError

__all__ = ["require_server"]


def require_server() -> None:
    """Raise UsageError where what serves the page is not installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"the page needs starlette and uvicorn ({error}); install them by: pip install 'mlpcli[play]'"
        ) from None
