"""The page of ``mlp play``, which shows a network while it trains, with the engine of ``mlp train``."""

from __future__ import annotations

from mlpcli.errors import UsageError
from mlpcli.text import install_command

__all__ = ["require_server"]


def require_server() -> None:
    """Raise UsageError if the packages that serve the page are not installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"the page needs starlette and uvicorn ({error}); install them with: "
            + install_command("mlpcli[play]")
        ) from None
