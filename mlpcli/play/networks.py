"""The network of the page, or the two that are compared, each with a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from mlpcli.errors import MlpError, UsageError
from mlpcli.play.commands import carry_out, is_for_both, settings_of_second
from mlpcli.play.session import Session
from mlpcli.play.worker import Worker

__all__ = ["Networks"]

T = TypeVar("T")


class Networks:
    """Network 1, and while two are compared network 2; they have the same data and seed.

    They also keep step: both begin from the seed when the comparison begins, and whenever one of them does,
    and they train epoch by epoch. Commands are carried out one after the other. One for both networks has an
    effect on both or on none.
    """

    def __init__(self, session: Session) -> None:
        self._workers = {1: Worker(session)}
        self._workers[1].start()
        self._turn = asyncio.Lock()

    @property
    def numbers(self) -> list[int]:
        """The numbers of the networks that there are."""
        return list(self._workers)

    def worker(self, number: int) -> Worker | None:
        """Return the thread of a network; None if there is no such network."""
        return self._workers.get(number)

    @property
    def speed(self) -> float:
        """Epochs a second, at most, of each."""
        return self._workers[1].speed

    @speed.setter
    def speed(self, speed: float) -> None:
        for worker in self._workers.values():
            worker.speed = speed

    def stop(self) -> None:
        """Stop all after the current batch."""
        for worker in list(self._workers.values()):
            worker.stop()

    def join(self, timeout: float) -> None:
        """Wait until all threads have ended."""
        for worker in list(self._workers.values()):
            worker.join(timeout)

    async def do(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a command of the page; return what it needs besides the new state. Raises MlpError."""
        async with self._turn:
            if command.get("do") == "compare":
                return await self._compare()
            if command.get("do") == "single":
                return await self._end_comparison()
            if command.get("do") == "link":
                return await self._take_link(command)
            number = command.get("network", 1)
            if number not in self.numbers:
                raise UsageError("there is no such network")
            if not is_for_both(command):
                return await self._do_with_one(number, command)
            if len(self._workers) > 1 and command["do"] in ("pause", "step"):
                await self._pause()
            return await self._do_with_all(command)

    async def _take_link(self, command: dict[str, Any]) -> dict[str, Any]:
        """Take the settings of a link, which ends a comparison; those of a second network begin one."""
        first = self._workers[1]
        before = await _ask(first, Session.remember, quietly=True)
        await _ask(first, lambda session: carry_out(session, command))
        await self._end_comparison()
        if "second" not in command:
            return {}
        second = settings_of_second(command)
        await self._compare()
        try:
            await _ask(self._workers[2], lambda session: session.take_link(second))
        except MlpError:
            await self._end_comparison()
            await _ask(first, lambda session: session.recall(before))
            raise
        return {}

    async def _do_with_one(self, number: int, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a command with a network; if a change lets it begin from the seed, the others do, too."""
        worker = self._workers[number]
        reply = await _ask(worker, lambda session: carry_out(session, command))
        if command.get("do") == "change" and await _ask(worker, _is_at_the_start, quietly=True):
            for other in self._workers.values():
                if not await _ask(other, _is_at_the_start, quietly=True):
                    await _ask(other, Session.begin_again)
        return reply

    async def _pause(self) -> None:
        """Pause all; one that has not trained the last epoch of the others yet makes up for it."""
        workers = list(self._workers.values())
        for worker in workers:
            await _ask(worker, Session.pause, quietly=True)
        epochs = [await _ask(worker, lambda session: session.epoch, quietly=True) for worker in workers]
        for worker, epoch in zip(workers, epochs, strict=True):
            if max(epochs) - epoch == 1:
                await _ask(worker, Session.train_epoch)

    async def _do_with_all(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a command with each network; if one refuses it, put the others back where they were."""
        reply: dict[str, Any] = {}
        done: list[tuple[Worker, dict[str, Any]]] = []
        for worker in self._workers.values():
            before = await _ask(worker, Session.remember, quietly=True)
            try:
                reply = await _ask(worker, lambda session: carry_out(session, command))
            except MlpError:
                for other, kept in done:
                    await _ask(other, lambda session, kept=kept: session.recall(kept))  # type: ignore[misc]
                raise
            done.append((worker, before))
        return reply

    async def _compare(self) -> dict[str, Any]:
        if len(self._workers) == 1:
            first = self._workers[1]
            await _ask(first, Session.begin_again)
            second = Worker(await _ask(first, Session.twin, quietly=True), self.speed)
            first.peers, second.peers = (second,), (first,)
            second.start()
            self._workers[2] = second
            await _ask(first, lambda _: None)  # its next frame says that there are two
        return {}

    async def _end_comparison(self) -> dict[str, Any]:
        second = self._workers.pop(2, None)
        if second is not None:
            self._workers[1].peers = ()
            second.stop()
            await _ask(self._workers[1], lambda _: None)
        return {}


def _is_at_the_start(session: Session) -> bool:
    return session.is_at_the_start


async def _ask(worker: Worker, do: Callable[[Session], T], *, quietly: bool = False) -> T:
    return await asyncio.wrap_future(worker.submit(do, quietly=quietly))
