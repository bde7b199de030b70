"""What is shown, condition by condition, and the responses of units to it, transients left out.

A condition lasts `n_lead` + `n_counted` frames. The first fill the memory of the units and do not count:
the engine sees a break before each condition, across which no history reaches.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Frames, Responder, Responses
from v1sim.analysis._modulation import harmonics_of
from v1sim.grid import Grid
from v1sim.stimuli import GratingTable
from v1sim.stream import RunOptions, check_range, default_block_size, run


@dataclass(frozen=True, eq=False)
class Conditions(ABC):
    """Abstract series of conditions of equal length, a stimulus; a concrete one draws whole conditions.

    Parameters
    ----------
    n_lead, n_counted : int
        Frames before those that count, and those.
    """

    n_lead: int
    n_counted: int

    @property
    @abstractmethod
    def grid(self) -> Grid:
        """Positions of the pixels."""

    @property
    @abstractmethod
    def n_conditions(self) -> int:
        """Number of conditions."""

    @abstractmethod
    def draw(self, rows: slice, out: Frames) -> None:
        """Draw whole conditions into an array (n_rows, n_lead + n_counted, ny, nx)."""

    @property
    def length(self) -> int:
        """Frames of a condition."""
        return self.n_lead + self.n_counted

    @property
    def n_frames(self) -> int:
        """Frames of all conditions."""
        return self.n_conditions * self.length

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Rows and columns (ny, nx) of a frame."""
        return self.grid.shape

    @property
    def block_size(self) -> int:
        """Frames that are made together: whole conditions, so that none is drawn twice."""
        return max(1, default_block_size(self.frame_shape) // self.length) * self.length

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        first, last = start // self.length, -(-stop // self.length)
        drawn = np.empty((last - first, self.length, *self.frame_shape), np.float32)
        at_once = self.block_size // self.length
        for low in range(first, last, at_once):  # so that what is needed meanwhile stays small
            rows = slice(low, min(low + at_once, last))
            self.draw(rows, drawn[low - first : rows.stop - first])
        return drawn.reshape(-1, *self.frame_shape)[start - first * self.length : stop - first * self.length]


@dataclass(frozen=True, eq=False)
class Gratings(Conditions):
    """Drifting gratings, each for whole cycles.

    Parameters
    ----------
    n_lead, n_counted : int
        Frames before those that count, and those.
    table : GratingTable
        What is shown, n conditions.
    cycles : ndarray of int, shape (n,)
        Cycles within the frames that count.
    window : tuple of ndarray, shape (n, nx) and (n, ny), optional
        Profiles along x and y that each grating is multiplied with.
    """

    table: GratingTable
    cycles: NDArray[np.intp]
    window: tuple[FloatArray, FloatArray] | None = None

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""
        return self.table.grid

    @property
    def n_conditions(self) -> int:
        """Number of conditions."""
        return len(self.table)

    def draw(self, rows: slice, out: Frames) -> None:
        """Draw whole conditions into an array (n_rows, n_lead + n_counted, ny, nx)."""
        time = np.arange(-self.n_lead, self.n_counted)
        self.table.frames(-2 * np.pi * self.cycles[rows, None] * time / self.n_counted, rows, out=out)
        if self.window is not None:
            across, up = (profile[rows].astype(np.float32) for profile in self.window)
            out *= (up[:, :, None] * across[:, None, :])[:, None]


@dataclass(frozen=True, eq=False)
class Bars(Conditions):
    """Long bars that come on with the first frame that counts, and stay.

    Parameters
    ----------
    n_lead, n_counted : int
        Frames of mean luminance before the bar, and frames with it.
    place : Grid
        Positions of the pixels.
    orientation_deg, width, centre_x, centre_y, contrast : ndarray, shape (n,)
        As in `v1sim.stimuli.Bar`; the length is that of the patch.
    """

    place: Grid
    orientation_deg: FloatArray
    width: FloatArray
    centre_x: FloatArray
    centre_y: FloatArray
    contrast: FloatArray

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""
        return self.place

    @property
    def n_conditions(self) -> int:
        """Number of conditions."""
        return len(self.contrast)

    def draw(self, rows: slice, out: Frames) -> None:
        """Draw whole conditions into an array (n_rows, n_lead + n_counted, ny, nx)."""
        size, tau = self.grid.pixel_size, np.deg2rad(self.orientation_deg[rows, None] - 90)
        x = (self.grid.x_axis - self.centre_x[rows, None]) * np.cos(tau) / size
        y = (self.grid.y_axis - self.centre_y[rows, None]) * np.sin(tau) / size
        half = self.width[rows, None, None] / 2 / size
        off = np.abs(x.astype(np.float32)[:, None, :] + y.astype(np.float32)[:, :, None])
        # borders of one pixel: a pixel shows the share of it that is covered, at most the width of the bar
        covered = (half + 0.5).astype(np.float32) - off
        np.clip(covered, 0, np.minimum(2 * half, 1).astype(np.float32), out=covered)
        out[:, : self.n_lead] = 0
        np.multiply(
            covered[:, None],
            self.contrast[rows, None, None, None].astype(np.float32),
            out=out[:, self.n_lead :],
        )


class Electrode:
    """A responder in front of one stimulus: numbers its frames on, and picks one unit a condition if told.

    Parameters
    ----------
    responder : Responder
        The units.
    shown : Conditions
        What they watch.
    first : int
        Frames that they have been shown before, so that what they draw at random is not drawn twice.
    units : ndarray of int, shape (n_conditions,), or None
        The one unit that is listened to in each condition; all of them for None.
    """

    def __init__(
        self, responder: Responder, shown: Conditions, *, first: int, units: NDArray[np.intp] | None
    ) -> None:
        self.responder = responder
        self.memory = responder.memory
        self.n_units = responder.n_units if units is None else 1
        self.first = first
        self._length = shown.length
        self._units = units

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames that begin at number `start`, shape (n_frames, n_units or 1)."""
        answers = np.asarray(self.responder.respond(frames, start=self.first + start))
        expected = len(frames), self.responder.n_units
        if answers.shape != expected:
            raise ValueError(f"responder must return shape {expected}, got {answers.shape}")
        if self._units is None:
            return answers
        numbers = np.arange(len(frames))
        units = self._units[(start + numbers) // self._length]
        heard = answers[numbers, units]
        if not np.isfinite(heard).all():
            bad = units[~np.isfinite(heard)][0]
            raise ValueError(f"responses must be finite, got NaN or infinity from unit {bad}")
        return heard[:, None]


class Record:
    """An estimator that keeps the responses themselves, in their order."""

    def __init__(self) -> None:
        self._rows: list[Responses] = []

    def update(self, block: Any) -> None:
        """Keep the responses of a block."""
        self._rows.append(np.asarray(block.responses, np.float32))

    def merge(self, other: "Record") -> None:
        """Keep those of later blocks."""
        self._rows += other._rows

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the responses, shape (n_frames, n_units)."""
        return {"responses": self.responses} if self._rows else {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `state` returned."""
        self._rows = [np.asarray(state["responses"], np.float32)] if "responses" in state else []

    @property
    def responses(self) -> Responses:
        """All responses, shape (n_frames, n_units)."""
        return np.concatenate(self._rows)


@dataclass(eq=False)
class Session:
    """Units on an electrode: shows them one series of conditions after another.

    Parameters
    ----------
    responder : Responder
        The units.
    grid : Grid
        Positions of the pixels of what they watch.
    options : RunOptions
        Workers, executor and progress, as in `v1sim.stream.run`.
    n_planned : int
        Frames that will be shown in all, for the progress.
    """

    responder: Responder
    grid: Grid
    options: RunOptions
    n_planned: int = 0
    n_shown: int = 0

    @cached_property
    def n_lead(self) -> int:
        """Frames after which the memory of all units is full."""
        return self.responder.memory - 1

    def record(self, shown: Conditions, units: NDArray[np.intp] | None = None) -> FloatArray:
        """Show conditions and return the responses to the frames that count.

        Returns
        -------
        ndarray, shape (n_conditions, n_counted, n_units), or (n_conditions, n_counted) with `units`
        """
        electrode = Electrode(self.responder, shown, first=self.n_shown, units=units)
        breaks = range(shown.length, shown.n_frames, shown.length) if shown.n_lead else ()
        before, progress = self.n_shown, self.options.get("progress")

        def report(done: int, _: int) -> None:
            if progress is not None:
                progress(before + done, self.n_planned)

        options = self.options | RunOptions(breaks=breaks, progress=report)
        (kept,) = run(shown, [(electrode, Record)], **options)
        self.n_shown += shown.n_frames
        rows = kept.responses.astype(np.float64).reshape(shown.n_conditions, shown.n_counted, -1)
        return np.asarray(rows if units is None else rows[..., 0])

    def gratings(
        self,
        *,
        n_counted: int,
        cycles: NDArray[np.intp],
        units: NDArray[np.intp] | None = None,
        window: tuple[FloatArray, FloatArray] | None = None,
        **parameters: Any,
    ) -> tuple[FloatArray, FloatArray]:
        """Show drifting gratings and return F0 and F1, shape (n_conditions, n_units) or (n_conditions,)."""
        table = GratingTable(grid=self.grid, **parameters)
        shown = Gratings(self.n_lead, n_counted, table, np.broadcast_to(cycles, (len(table),)), window=window)
        responses = self.record(shown, units)
        return harmonics_of(responses, shown.cycles)
