"""Stimuli made of stimuli: one after another, repeated, masked, weaker."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.grid import Grid
from v1sim.stimuli import _limits
from v1sim.stimuli._base import BaseStimulus
from v1sim.stream import block_pieces, check_range


@dataclass(frozen=True)
class Compound(BaseStimulus):
    """Abstract stimulus made of others: on their grid, at their frame rate."""

    grid: Grid = field(init=False, repr=False)
    n_frames: int = field(init=False)
    frame_rate: float | None = field(init=False, repr=False)

    def _take(self, parts: Mapping[str, BaseStimulus]) -> None:
        """Take the grid and the frame rate of the parts, each under its name, or raise if they differ."""
        first_name, first = next(iter(parts.items()))
        for name, part in parts.items():
            if not isinstance(part, BaseStimulus):
                raise TypeError(
                    f"{name} must be a stimulus of v1sim.stimuli (arrays as ArrayStimulus), "
                    f"got {type(part).__name__}"
                )
            if (part.grid, part.frame_rate) != (first.grid, first.frame_rate):
                raise ValueError(
                    f"{first_name} and {name} must share one grid and one frame rate, got "
                    f"{first.grid} at {first.frame_rate} and {part.grid} at {part.frame_rate}"
                )
        self._hold(grid=first.grid, frame_rate=first.frame_rate)

    def _take_several(self, name: str, parts: Iterable[BaseStimulus]) -> None:
        """Hold a sequence of stimuli under its name, and take their grid and frame rate, or raise."""
        several = _limits.several(name, parts)
        self._take({f"{name}[{i}]": part for i, part in enumerate(several)})
        self._hold(**{name: several})


@dataclass(frozen=True)
class Mixture(Compound):
    """Abstract compound that shows its parts in turn: a concrete one says for how many frames each."""

    @property
    @abstractmethod
    def _shares(self) -> Sequence[tuple[BaseStimulus, int]]:
        """Each part, and the number of frames that it is shown."""

    @property
    def mean(self) -> float | None:
        """Mean over all frames, where every part knows its own."""
        mean: float | None = self._pooled([part.mean for part, _ in self._shares])
        return mean

    @property
    def variance(self) -> float | None:
        """Variance over all frames, that of the parts and of their means."""
        variance: float | None = self._about_mean([part.variance for part, _ in self._shares])
        return variance

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return max(part.peak for part, _ in self._shares)

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Return the covariance between pixels of one frame; None for other lags or where a part has none."""
        if _checks.integer("lag", lag, minimum=0) > 0:
            return None
        covariance: FloatArray | None = self._about_mean([part.covariance() for part, _ in self._shares])
        return covariance

    def _pooled(self, values: Sequence[Any]) -> Any:
        """Return the mean of values of the parts (numbers or arrays), or None if one of them is None."""
        if any(value is None for value in values):
            return None
        lengths = [length for _, length in self._shares]
        return sum(value * n for value, n in zip(values, lengths, strict=True)) / sum(lengths)

    def _about_mean(self, within: Sequence[Any]) -> Any:
        """Return second moments about the mean of all: those of the parts, and those of their means."""
        mean, pooled = self.mean, self._pooled(within)
        if mean is None or pooled is None:
            return None
        means = [float(part.mean or 0) for part, _ in self._shares]
        return pooled + self._pooled([(one - mean) ** 2 for one in means])


@final
@dataclass(frozen=True)
class Concatenated(Mixture):
    """Stimuli one after another; made by `concatenate`."""

    parts: tuple[BaseStimulus, ...]

    def __post_init__(self) -> None:
        self._take_several("parts", self.parts)
        self._hold(n_frames=sum(part.n_frames for part in self.parts))

    @property
    def _shares(self) -> Sequence[tuple[BaseStimulus, int]]:
        return [(part, part.n_frames) for part in self.parts]

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
class Repeated(Compound):
    """A stimulus several times over; made by `repeat`."""

    stimulus: BaseStimulus
    n_times: int

    def __post_init__(self) -> None:
        self._take({"stimulus": self.stimulus})
        self._hold(n_times=_checks.integer("n_times", self.n_times, minimum=1))
        self._hold(n_frames=self.n_times * self.stimulus.n_frames)

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
        return self.stimulus.covariance() if _checks.integer("lag", lag, minimum=0) == 0 else None

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        frames = np.empty((stop - start, *self.frame_shape), np.float32)
        for _, inside, part in block_pieces(start, stop, self.stimulus.n_frames):
            frames[part] = self.stimulus.frames(inside.start, inside.stop)
        return frames


@final
@dataclass(frozen=True, eq=False)
class Masked(Compound):
    """A stimulus times a weight for each pixel; made by `mask`."""

    stimulus: BaseStimulus
    weights: NDArray[np.float64] = field(repr=False)

    def __post_init__(self) -> None:
        self._take({"stimulus": self.stimulus})
        weights = np.array(_checks.real_array("weights", self.weights), np.float64)
        if weights.shape != self.stimulus.frame_shape:
            raise ValueError(f"weights must have the frames' shape {self.frame_shape}, got {weights.shape}")
        _checks.finite("weights", weights)
        if weights.min() < 0 or weights.max() > 1:
            raise ValueError(f"weights must be from 0 to 1, got {weights.min():g} to {weights.max():g}")
        weights.flags.writeable = False
        self._hold(weights=weights, n_frames=self.stimulus.n_frames)

    @property
    def mean(self) -> float | None:
        """That of what is masked, if it is the same for all pixels: where it is 0, or all weights are one."""
        mean = self.stimulus.mean
        same = mean == 0 or self._is_flat
        return float(mean * self.weights[0, 0]) if mean is not None and same else None

    @property
    def variance(self) -> float | None:
        """Variance averaged over pixels, where what is masked knows its covariance."""
        covariance = self.covariance()
        return None if covariance is None else float(np.diag(covariance).mean())

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        highest = float(self.weights.max())
        return self.stimulus.peak * highest if highest > 0 else 0.0  # infinity times 0 is not a number

    @property
    def is_white(self) -> bool:
        """Whether what is masked is white and all weights are the same."""
        return self.stimulus.is_white and self._is_flat

    @property
    def _is_flat(self) -> bool:
        return bool(np.ptp(self.weights) == 0)

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
class Scaled(Compound):
    """A stimulus times a number; made by `with_contrast`."""

    stimulus: BaseStimulus
    factor: float

    def __post_init__(self) -> None:
        self._take({"stimulus": self.stimulus})
        self._hold(factor=_checks.positive("factor", self.factor), n_frames=self.stimulus.n_frames)
        peak = self.stimulus.peak
        if np.isfinite(peak) and peak * self.factor > 1 + 1e-9:
            raise ValueError(
                f"factor {self.factor:g} clips: the stimulus reaches {peak:g}, "
                f"so at most {1 / peak:.10g} fits"
            )

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
    return Masked(stimulus, weights)  # type: ignore[arg-type]  # made an array there


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
    return Scaled(stimulus, factor)
