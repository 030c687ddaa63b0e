"""Opens the storage of a sweep: a journal in a file, or a database."""

from __future__ import annotations

import contextlib
import random
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage

from mlpcli.errors import RunError, UsageError
from mlpcli.files import make_place
from mlpcli.reading import reason
from mlpcli.sweep.directory import SweepDirectory
from mlpcli.sweep.journal import JournalFile
from mlpcli.text import install_command, shortened

__all__ = ["is_address", "open_storage", "quiet", "reached", "shared_storage", "to_keep", "together"]

optuna.logging.disable_default_handler()  # what a user is to know is said by errors and rows of ours
_HIDDEN = ":***@"  # what stands for a password
_TIMES = 10  # that the tables of a database are looked for, or made
_DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}


def is_address(storage: str) -> bool:
    """Return whether a storage is the address of a database, and not the path of a journal."""
    return "://" in storage


class _Journal(JournalStorage):
    """The storage in a journal of ours."""

    def __init__(self, file: JournalFile) -> None:
        super().__init__(file)
        self.file = file


def together(storage: BaseStorage) -> contextlib.AbstractContextManager[None]:
    """Return a block whose changes a journal writes together; a database keeps each as it is made."""
    return storage.file.together() if isinstance(storage, _Journal) else contextlib.nullcontext()


def open_storage(storage: str) -> BaseStorage:
    """Return the storage with this address of a database, or the journal in the file of this path.

    A journal is made if there is none yet. Raises UsageError if the address is none that SQLAlchemy knows or
    its driver is missing, RunError if the storage cannot be reached.
    """
    with reached(storage):
        if not is_address(storage):
            return _Journal(JournalFile(make_place(Path(storage))))
        return _open_database(storage)


def _open_database(address: str) -> BaseStorage:
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    typed = _shown(address)
    if address.startswith(("postgresql://", "postgres://")):  # with the driver that is asked for below
        address = f"postgresql+psycopg://{address.partition('://')[2]}"
    try:
        with quiet():
            return get_storage(_made_once(address))
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise UsageError(
            f"{shortened(typed)} is not the address of a database; write it as in "
            "postgresql://user@host/name, or give the path of a file for a journal"
        ) from None
    except ImportError as error:
        cause = error.__cause__ or error
        driver = next((name for name in _DRIVERS if name in str(cause)), None)
        if driver is None:
            raise
        raise UsageError(f"{typed} needs {driver}: {install_command(_DRIVERS[driver])}") from None


def _made_once(address: str) -> RDBStorage:
    """Return the database with the tables of Optuna, which several machines may make at the same time."""
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    for left in reversed(range(_TIMES)):
        try:
            return RDBStorage(address, engine_kwargs={"pool_pre_ping": True})
        except (IntegrityError, ProgrammingError):  # another machine was faster
            if not left:
                raise
            time.sleep(random.uniform(0.1, 0.5))
    raise AssertionError("unreachable")


@contextlib.contextmanager
def reached(storage: str) -> Iterator[None]:
    """Raise RunError if the storage cannot be read or written in the block."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OSError, StorageInternalError, SQLAlchemyError) as error:
        cause: Any = getattr(error, "orig", None) or error.__cause__ or error
        cause = getattr(cause, "orig", None) or cause
        why = reason(cause).partition("\n")[0]
        raise RunError(
            f"the storage {_shown(storage)} cannot be used: {why}", topic="storage out of reach"
        ) from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep back what Optuna warns of in the block: that parts of it may change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def shared_storage(directory: SweepDirectory, given: str | None) -> str | None:
    """Return the storage of a sweep that may go on: the one that is given, or that it was begun with.

    None stands for the journal of its directory. Raises UsageError if the storage of a sweep that goes on has
    to be given.
    """
    kept = directory.storage
    if given is not None or kept is None:
        return given
    if is_address(kept):
        if _HIDDEN in kept:
            raise UsageError(
                f"{directory.path} is of a sweep in {kept}, whose password is not kept; give the address",
                topic="storage to give",
            )
    elif not Path(kept).is_file():
        raise UsageError(
            f"{directory.path} is of a sweep in the storage {kept}, which is not there; say where it is now",
            topic="storage to give",
        )
    return kept


def to_keep(storage: str) -> str:
    """Return a storage as the directory of a sweep keeps it: an address without its password, or a path."""
    if not is_address(storage):
        return str(Path(storage).absolute())
    from sqlalchemy.engine import make_url

    url = make_url(storage)
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.set(database=str(Path(url.database).absolute()))
    return url.render_as_string(hide_password=True)


def _shown(address: str) -> str:
    """Return an address without its password."""
    if not is_address(address):
        return address
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(address).render_as_string(hide_password=True)
    except ArgumentError:
        return address
