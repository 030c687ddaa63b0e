"""A page on this machine that shows a network as it learns, in the engine of ``mlp train``."""

from __future__ import annotations

from mlpcli.errors import UsageError

__all__ = ["require_server"]


def require_server() -> None:
    """Raise UsageError if the packages that serve the page are not installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"the page needs starlette and uvicorn ({error}); install them by: pip install 'mlpcli[play]'"
        ) from None
