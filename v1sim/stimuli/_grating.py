"""Gratings: static, drifting and counterphase, in a soft aperture, and their sums, plaids."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._aperture import along, soft_disc
from v1sim.stimuli._patch import FrameByFrame


@final
@dataclass(frozen=True, kw_only=True)
class Grating(FrameByFrame):
    r"""A sinusoidal grating.

    .. math:: I = m + c \, A(x, y) \cos(2\pi (F x' - f_t t) + \phi), \quad
        I = m + c \, A(x, y) \cos(2\pi F x' + \phi) \cos(2\pi f_t t)

    The first drifts towards x', that is towards ``orientation_deg - 90``; the second is in counterphase.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    orientation_deg : float
        Orientation of the bars [degrees], counter-clockwise from horizontal; + 180 reverses the drift.
    spatial_frequency : float
        F [cycles/unit]; 0 is a uniform field.
    temporal_frequency : float, optional
        f_t [cycles/frame, or cycles/s with a frame rate]; 0 stands still.
    phase_deg : float, optional
        phi at `centre` in the first frame [degrees].
    contrast : float, optional
        Amplitude c, at most ``1 - abs(mean_level)``.
    mean_level : float, optional
        m [contrast].
    counterphase : bool, optional
        Reverse in place instead of drifting.
    centre : tuple of float, optional
        (x, y) of the aperture, and where the phase is counted from [unit].
    diameter : float, optional
        Diameter of a circular aperture at half height [unit]; the whole patch unless given.
    edge : float, optional
        Width of its raised-cosine edge [unit], at most `diameter`; one pixel unless given.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, the grating clips, or it would alias in space or time.

    Examples
    --------
    >>> drifting = Grating((9, 15), n_frames=8, orientation_deg=90, spatial_frequency=1 / 8,
    ...                    temporal_frequency=1 / 8)
    >>> frames = drifting.frames(0, 8)  # to the right, one pixel a frame
    >>> bool(np.allclose(frames[1, :, 1:], frames[0, :, :-1], atol=1e-6))
    True
    """

    n_frames: int
    orientation_deg: float
    spatial_frequency: float
    temporal_frequency: float = 0.0
    phase_deg: float = 0.0
    contrast: float = 1.0
    mean_level: float = 0.0
    counterphase: bool = False
    centre: tuple[float, float] = (0.0, 0.0)
    diameter: float | None = None
    edge: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            n_frames=_checks.integer("n_frames", self.n_frames, minimum=1),
            orientation_deg=_limits.number("orientation_deg", self.orientation_deg),
            spatial_frequency=_limits.within("spatial_frequency", self.spatial_frequency, 0, np.inf),
            temporal_frequency=_limits.number("temporal_frequency", self.temporal_frequency),
            phase_deg=_limits.number("phase_deg", self.phase_deg),
            contrast=_limits.contrast("contrast", self.contrast),
            mean_level=_limits.within("mean_level", self.mean_level, -1, 1),
            counterphase=_limits.flag("counterphase", self.counterphase),
            centre=_limits.pair("centre", self.centre),
        )
        if self.diameter is not None:
            self._hold(diameter=_checks.positive("diameter", self.diameter))
        if self.edge is not None:
            self._hold(edge=_checks.positive("edge", self.edge))
            if self.diameter is None:
                raise ValueError(f"edge {self.edge:g} is that of an aperture: give its diameter too")
            if self.edge > self.diameter:
                raise ValueError(
                    f"edge must be at most the diameter, {self.diameter:g} {self.grid.unit}, "
                    f"got {self.edge:g}: a wider one leaves no point of the grating at its contrast"
                )
        if self.peak > 1 + 1e-9:
            raise ValueError(
                f"contrast {self.contrast:g} about a mean_level of {self.mean_level:g} clips: "
                f"at most {1 - abs(self.mean_level):.10g} fits"
            )
        tau = np.deg2rad(self.orientation_deg - 90)
        fx, fy = self.spatial_frequency * np.cos(tau), self.spatial_frequency * np.sin(tau)
        _limits.below_nyquist("spatial_frequency", fx, fy, self.grid)
        rate = self.frame_rate or 1
        if abs(self.temporal_frequency) > rate / 2:
            raise ValueError(
                f"temporal_frequency would alias: frames carry at most {rate / 2:g}, "
                f"got {self.temporal_frequency:g}"
            )

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return abs(self.mean_level) + self.contrast

    @property
    def _whole_cycles(self) -> bool:
        """Whether the mean over frames is that over all phases: a full field that moves by whole cycles."""
        cycles = abs(self.temporal_frequency) * self.n_frames / (self.frame_rate or 1)
        full_field = self.diameter is None and not self.counterphase
        per_frame = cycles / self.n_frames
        # at half a cycle a frame only two phases are seen, whose mean is right but whose variance is not
        return (
            full_field and 0 < per_frame < 0.5 and abs(cycles - round(cycles)) < 1e-9 and round(cycles) >= 1
        )

    @property
    def mean(self) -> float | None:
        """Mean contrast of a pixel: `mean_level` if a full field drifts by whole cycles."""
        return self.mean_level if self._whole_cycles else None

    @property
    def variance(self) -> float | None:
        """Variance of a pixel [contrast^2]: c^2 / 2 if a full field drifts by whole cycles."""
        return self.contrast**2 / 2 if self._whole_cycles else None

    @cached_property
    def _quadrature(self) -> tuple[FloatArray, FloatArray]:
        """Cosine and sine of the carrier under the aperture [contrast], each (ny, nx)."""
        x, y = self.grid.x, self.grid.y
        across, _ = along(x, y, self.centre, self.orientation_deg)
        angle = 2 * np.pi * self.spatial_frequency * across + np.deg2rad(self.phase_deg)
        height: FloatArray | float = self.contrast
        if self.diameter is not None:
            height = self.contrast * soft_disc(
                x, y, self.centre, self.diameter, self.edge or self.grid.pixel_size
            )
        return np.asarray(height * np.cos(angle)), np.asarray(height * np.sin(angle))

    def _at(self, numbers: NDArray[np.intp]) -> Frames:
        even, odd = self._quadrature
        turn = 2 * np.pi * self.temporal_frequency / (self.frame_rate or 1) * numbers[:, None, None]
        if self.counterphase:
            return np.asarray(self.mean_level + np.cos(turn) * even, np.float32)
        # cos(a - b) = cos a cos b + sin a sin b: two products a pixel instead of a cosine
        return np.asarray(self.mean_level + np.cos(turn) * even + np.sin(turn) * odd, np.float32)


@final
@dataclass(frozen=True, kw_only=True)
class Plaid(FrameByFrame):
    """The sum of gratings, such as two drifting ones that cross.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    gratings : tuple of Grating
        The components, on the same grid and of the same length and frame rate.
    frame_rate : float, optional
        Frames per second, that of the components.

    Raises
    ------
    TypeError, ValueError
        If there is no component, one is no grating, they do not fit together, or their contrasts add up to
        more than 1.

    Examples
    --------
    >>> right, up = (Grating((8, 12), n_frames=4, orientation_deg=o, spatial_frequency=.1, contrast=.5)
    ...              for o in (90, 180))
    >>> Plaid((8, 12), gratings=(right, up)).peak
    1.0
    """

    gratings: tuple[Grating, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(gratings=_limits.several("gratings", self.gratings))
        first = self.gratings[0]
        for i, grating in enumerate(self.gratings):
            if not isinstance(grating, Grating):
                raise TypeError(f"gratings[{i}] must be a Grating, got {type(grating).__name__}")
            common = (self.grid, self.frame_rate, first.n_frames)
            found = (grating.grid, grating.frame_rate, grating.n_frames)
            if found != common:
                raise ValueError(
                    "gratings must share the grid, frame rate and length of the plaid: "
                    f"{found} does not fit {common}"
                )
        if self.peak > 1 + 1e-9:
            raise ValueError(f"the contrasts of a plaid must add up to at most 1, got {self.peak:g}")
        self._hold(n_frames=first.n_frames)

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance that the components can reach together [contrast]."""
        return sum(grating.peak for grating in self.gratings)

    def _at(self, numbers: NDArray[np.intp]) -> Frames:
        total = np.zeros((len(numbers), *self.frame_shape), np.float32)
        for grating in self.gratings:
            total += grating._at(numbers)
        return total


def size_series(grating: Grating, diameters: Iterable[float]) -> tuple[Grating, ...]:
    """Return a grating in apertures of several diameters [unit], as conditions of a `Protocol`.

    Raises
    ------
    TypeError, ValueError
        If it is no grating, or a diameter is not above 0.

    Examples
    --------
    >>> whole = Grating((16, 20), n_frames=4, orientation_deg=0, spatial_frequency=.1)
    >>> [g.diameter for g in size_series(whole, (2, 4, 8))]
    [2.0, 4.0, 8.0]
    """
    if not isinstance(grating, Grating):
        raise TypeError(f"grating must be a Grating, got {type(grating).__name__}")
    if not isinstance(diameters, Iterable):
        raise TypeError(f"diameters must be a sequence of numbers, got {diameters!r}")
    return tuple(replace(grating, diameter=diameter) for diameter in diameters)
