"""Stimuli made of stimuli: one after another, repeated, masked, weaker."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.grid import Grid
from v1sim.stimuli import _limits
from v1sim.stimuli._base import BaseStimulus
from v1sim.stream import block_pieces, check_range


def hold_common(whole: BaseStimulus, parts: Sequence[BaseStimulus]) -> None:
    """Give `whole` the grid and frame rate of its parts, or raise if they differ."""
    for part in parts:
        if not isinstance(part, BaseStimulus):
            raise TypeError(
                f"parts must be stimuli of v1sim.stimuli (arrays as ArrayStimulus), got {type(part).__name__}"
            )
        if (part.grid, part.frame_rate) != (parts[0].grid, parts[0].frame_rate):
            raise ValueError(
                "parts must share one grid and one frame rate, got "
                f"{parts[0].grid} at {parts[0].frame_rate} and {part.grid} at {part.frame_rate}"
            )
    object.__setattr__(whole, "grid", parts[0].grid)
    object.__setattr__(whole, "frame_rate", parts[0].frame_rate)


def pooled(values: Sequence[Any], weights: Sequence[int]) -> Any:
    """Return the mean of values (numbers or arrays) with these weights, or None if one of them is None."""
    if any(value is None for value in values):
        return None
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


@final
@dataclass(frozen=True)
class Concatenated(BaseStimulus):
    """Stimuli one after another; made by `concatenate`."""

    parts: tuple[BaseStimulus, ...]
    grid: Grid = field(init=False, repr=False)
    n_frames: int = field(init=False)
    frame_rate: float | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.parts:
            raise ValueError("parts must hold at least one stimulus")
        hold_common(self, self.parts)
        object.__setattr__(self, "n_frames", sum(part.n_frames for part in self.parts))

    @property
    def mean(self) -> float | None:
        """Mean over all frames, where every part knows its own."""
        mean: float | None = pooled([part.mean for part in self.parts], self._lengths)
        return mean

    @property
    def variance(self) -> float | None:
        """Variance over all frames, that of the parts and of their means."""
        mean, within = self.mean, pooled([part.variance for part in self.parts], self._lengths)
        if mean is None or within is None:
            return None
        between = pooled([(part.mean - mean) ** 2 for part in self.parts], self._lengths)  # type: ignore[operator]
        return float(within + between)

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return max(part.peak for part in self.parts)

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Return the covariance between pixels of one frame; None for other lags or where a part has none."""
        mean = self.mean
        if lag > 0 or mean is None:
            return None
        within = pooled([part.covariance() for part in self.parts], self._lengths)
        between = pooled([(part.mean - mean) ** 2 for part in self.parts], self._lengths)  # type: ignore[operator]
        return None if within is None else np.asarray(within + between)

    @cached_property
    def _lengths(self) -> list[int]:
        return [part.n_frames for part in self.parts]

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        frames = np.empty((stop - start, *self.frame_shape), np.float32)
        first = 0
        for part in self.parts:
            low, high = max(start, first), min(stop, first + part.n_frames)
            if low < high:
                frames[low - start : high - start] = part.frames(low - first, high - first)
            first += part.n_frames
        return frames


@final
@dataclass(frozen=True)
class Repeated(BaseStimulus):
    """A stimulus several times over; made by `repeat`."""

    stimulus: BaseStimulus
    n_times: int
    grid: Grid = field(init=False, repr=False)
    n_frames: int = field(init=False)
    frame_rate: float | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        hold_common(self, (self.stimulus,))
        object.__setattr__(self, "n_times", _checks.integer("n_times", self.n_times, minimum=1))
        object.__setattr__(self, "n_frames", self.n_times * self.stimulus.n_frames)

    @property
    def mean(self) -> float | None:
        """That of what is repeated."""
        return self.stimulus.mean

    @property
    def variance(self) -> float | None:
        """That of what is repeated."""
        return self.stimulus.variance

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return self.stimulus.peak

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Return that of what is repeated; None for other lags, which wrap around."""
        return self.stimulus.covariance() if lag == 0 else None

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        frames = np.empty((stop - start, *self.frame_shape), np.float32)
        for _, inside, part in block_pieces(start, stop, self.stimulus.n_frames):
            frames[part] = self.stimulus.frames(inside.start, inside.stop)
        return frames


@final
@dataclass(frozen=True, eq=False)
class Masked(BaseStimulus):
    """A stimulus times a weight for each pixel; made by `mask`."""

    stimulus: BaseStimulus
    weights: NDArray[np.float64] = field(repr=False)
    grid: Grid = field(init=False, repr=False)
    n_frames: int = field(init=False)
    frame_rate: float | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        hold_common(self, (self.stimulus,))
        weights = np.array(_checks.real_array("weights", self.weights), np.float64)
        if weights.shape != self.stimulus.frame_shape:
            raise ValueError(f"weights must have the frames' shape {self.frame_shape}, got {weights.shape}")
        _checks.finite("weights", weights)
        if weights.min() < 0 or weights.max() > 1:
            raise ValueError(f"weights must be from 0 to 1, got {weights.min():g} to {weights.max():g}")
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "n_frames", self.stimulus.n_frames)

    @property
    def mean(self) -> float | None:
        """Mean over pixels, where what is masked knows its own."""
        mean = self.stimulus.mean
        return None if mean is None else float(mean * self.weights.mean())

    @property
    def variance(self) -> float | None:
        """Variance averaged over pixels, where what is masked knows its covariance."""
        covariance = self.covariance()
        return None if covariance is None else float(np.diag(covariance).mean())

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        highest = float(self.weights.max())
        return self.stimulus.peak * highest if highest > 0 else 0.0

    @property
    def is_white(self) -> bool:
        """Whether what is masked is white and all weights are the same."""
        return self.stimulus.is_white and bool(np.ptp(self.weights) == 0)

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Covariance of what is masked, times the weights of both pixels."""
        covariance = self.stimulus.covariance(lag)
        flat = self.weights.reshape(-1)
        return None if covariance is None else np.asarray(covariance * np.outer(flat, flat))

    @property
    def block_size(self) -> int:
        """That of what is masked."""
        return self.stimulus.block_size

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        return self.stimulus.frames(start, stop) * self.weights.astype(np.float32)


@final
@dataclass(frozen=True)
class Scaled(BaseStimulus):
    """A stimulus times a number; made by `with_contrast`."""

    stimulus: BaseStimulus
    factor: float
    grid: Grid = field(init=False, repr=False)
    n_frames: int = field(init=False)
    frame_rate: float | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        hold_common(self, (self.stimulus,))
        object.__setattr__(self, "factor", _checks.positive("factor", self.factor))
        peak = self.stimulus.peak
        if np.isfinite(peak) and peak * self.factor > 1 + 1e-9:
            raise ValueError(
                f"factor {self.factor:g} clips: the stimulus reaches {peak:g}, so at most {1 / peak:.6g} fits"
            )
        object.__setattr__(self, "n_frames", self.stimulus.n_frames)

    @property
    def mean(self) -> float | None:
        """That of the stimulus, times the factor."""
        return None if self.stimulus.mean is None else self.factor * self.stimulus.mean

    @property
    def variance(self) -> float | None:
        """That of the stimulus, times the squared factor."""
        return None if self.stimulus.variance is None else self.factor**2 * self.stimulus.variance

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return self.factor * self.stimulus.peak

    @property
    def is_white(self) -> bool:
        """Whether the stimulus is."""
        return self.stimulus.is_white

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Return that of the stimulus, times the squared factor."""
        covariance = self.stimulus.covariance(lag)
        return None if covariance is None else np.asarray(self.factor**2 * covariance)

    @property
    def block_size(self) -> int:
        """That of the stimulus."""
        return self.stimulus.block_size

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        return self.stimulus.frames(start, stop) * np.float32(self.factor)


def concatenate(*parts: BaseStimulus) -> Concatenated:
    """Show stimuli one after another.

    Parameters
    ----------
    *parts : stimulus
        On one grid and of one frame rate.

    Raises
    ------
    TypeError, ValueError
        If there is none, or they do not fit together.
    """
    return Concatenated(parts)


def repeat(stimulus: BaseStimulus, n_times: int) -> Repeated:
    """Show a stimulus `n_times` over, the same bits each time.

    Raises
    ------
    TypeError, ValueError
        If `n_times` is not an integer of at least 1.
    """
    return Repeated(stimulus, n_times)


def mask(stimulus: BaseStimulus, weights: ArrayLike) -> Masked:
    """Show a stimulus through a window.

    Parameters
    ----------
    stimulus : stimulus
        What is masked.
    weights : array_like, shape (ny, nx)
        From 0 (grey, at mean luminance) to 1 (as it is); booleans will do.

    Raises
    ------
    TypeError, ValueError
        If the weights do not fit the frames, or are not from 0 to 1.
    """
    return Masked(stimulus, np.asarray(weights))


def with_contrast(stimulus: BaseStimulus, factor: float) -> Scaled:
    """Show a stimulus with all contrasts times `factor`.

    Raises
    ------
    TypeError, ValueError
        If `factor` is not above 0, or the result would clip at black.

    Examples
    --------
    >>> from v1sim.stimuli import GaussianNoise
    >>> with_contrast(GaussianNoise((4, 5), n_frames=10, seed=0), .25).variance
    0.0625
    """
    return Scaled(stimulus, _limits.number("factor", factor))
