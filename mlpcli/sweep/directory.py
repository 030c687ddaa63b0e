"""The directory of a sweep: its config, its table, its journal, and the runs of this machine."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from mlpcli.errors import RunError
from mlpcli.files import replace_file
from mlpcli.sweep.record import SWEEP_CSV, SweepRecord, write_record
from mlpcli.training.directory import Folder, choose_directory, writing
from mlpcli.training.names import SWEEP
from mlpcli.training.resume import find_run_to_resume

__all__ = ["SweepDirectory", "take_sweep_directory"]

_JOURNAL, _MACHINE = "journal.jsonl", "machine.json"


class SweepDirectory(Folder):
    """A folder with what a sweep leaves on this machine.

    ``machine`` is the name by which the storage knows it, and ``study`` that of the sweep there. ``storage``
    is the one that other machines share, without a password; None if the trials are in ``journal``.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.config, self.table, self.journal = path / SWEEP, path / SWEEP_CSV, path / _JOURNAL
        self.machine, self.study = uuid.uuid4().hex, ""
        self.storage: str | None = None

    @classmethod
    def reopen(cls, path: Path) -> SweepDirectory:
        """Take the folder of a sweep to resume; raises RunError like `create`."""
        directory = super().reopen(path)
        about = path / _MACHINE
        try:
            known = json.loads(about.read_text(encoding="utf-8"))
            directory.machine, directory.study = str(known["machine"]), str(known["study"])
            storage = known.get("storage")  # versions before did not keep it
            directory.storage = None if storage is None else str(storage)
        except FileNotFoundError:  # the sweep was killed before it was written
            pass
        except (OSError, ValueError, KeyError, TypeError):
            directory.close()
            raise RunError(
                f"{about} cannot be read; delete it if no other directory has the runs of this machine"
            ) from None
        return directory

    def begin(self, config: str, study: str, storage: str | None = None) -> None:
        """Write the config, which marks the folder as that of a sweep, and where and how it is known."""
        self.study, self.storage = study, storage
        about = {"machine": self.machine, "study": study, "storage": storage}
        with writing(self.path):
            if not self.config.exists():
                with replace_file(self.config) as stream:
                    stream.write(config.encode())
            with replace_file(self.path / _MACHINE) as stream:
                stream.write(f"{json.dumps(about)}\n".encode())

    def run(self, number: int, runs: int) -> Path:
        """Return the folder of a run; the numbers of all ``runs`` have as many digits."""
        return self.path / f"run-{number:0{len(str(runs))}}"

    def write_table(self, record: SweepRecord) -> None:
        """Write sweep.csv."""
        with writing(self.path):
            write_record(self.table, record)


def take_sweep_directory(name: str, out: Path | None, *, resume: bool = False) -> SweepDirectory:
    """Return the directory of a sweep, locked until it is closed; as `take_directory` does for a run."""
    found = find_run_to_resume(name, out, SWEEP) if resume else None
    if found is not None:
        return SweepDirectory.reopen(found)
    return SweepDirectory.create(name, out if resume else choose_directory(out, False, SWEEP))
