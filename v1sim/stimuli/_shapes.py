"""Bars, edges, spots, annuli and Gabor patches: single things at a place, for classical mapping."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._aperture import along, disc, inside
from v1sim.stimuli._patch import FrameByFrame


@dataclass(frozen=True, kw_only=True)
class Shape(FrameByFrame):
    """Abstract single thing on grey that stands still: a concrete one draws it once.

    Its borders are one pixel wide, so that positions and sizes need not be whole pixels.
    """

    n_frames: int = 1
    centre: tuple[float, float] = (0.0, 0.0)
    contrast: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            n_frames=_checks.integer("n_frames", self.n_frames, minimum=1),
            centre=_limits.pair("centre", self.centre),
        )
        sign = -1 if _limits.number("contrast", self.contrast) < 0 else 1
        self._hold(contrast=sign * _limits.contrast("contrast, without its sign,", abs(self.contrast)))

    @abstractmethod
    def _height(self) -> FloatArray:
        """Return the picture at contrast 1, shape (ny, nx)."""

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]."""
        return abs(self.contrast)

    @cached_property
    def _picture(self) -> NDArray[np.float32]:
        return (self.contrast * self._height()).astype(np.float32)

    def _at(self, numbers: NDArray[np.intp]) -> Frames:
        return np.broadcast_to(self._picture, (len(numbers), *self.frame_shape))

    def _along(self, orientation_deg: float) -> tuple[FloatArray, FloatArray]:
        """Return coordinates across and along an orientation, from the centre [unit]."""
        return along(self.grid.x, self.grid.y, self.centre, orientation_deg)

    def _radius(self) -> FloatArray:
        return np.asarray(np.hypot(self.grid.x - self.centre[0], self.grid.y - self.centre[1]))


@final
@dataclass(frozen=True, kw_only=True)
class Bar(Shape):
    """A light or dark bar.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    orientation_deg : float
        Orientation of the long side [degrees], counter-clockwise from horizontal.
    width, length : float
        Size across and along the orientation [unit].
    centre : tuple of float, optional
        (x, y) of the middle [unit].
    contrast : float, optional
        From -1 (black) to 1 (white), not 0.
    n_frames : int, optional
        Number of frames.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.

    Examples
    --------
    >>> Bar((3, 5), orientation_deg=90, width=1, length=3).frames(0, 1)[0, 1]
    array([0., 0., 1., 0., 0.], dtype=float32)
    """

    orientation_deg: float
    width: float
    length: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            orientation_deg=_limits.number("orientation_deg", self.orientation_deg),
            width=_checks.positive("width", self.width),
            length=_checks.positive("length", self.length),
        )

    def _height(self) -> FloatArray:
        across, down, size = *self._along(self.orientation_deg), self.grid.pixel_size
        # a bar narrower than a pixel covers a share of it
        wide = inside(self.width / 2 - np.abs(across), size) - inside(-self.width / 2 - np.abs(across), size)
        long = inside(self.length / 2 - np.abs(down), size) - inside(-self.length / 2 - np.abs(down), size)
        return wide * long


@final
@dataclass(frozen=True, kw_only=True)
class Edge(Shape):
    """A straight border between light and dark through the centre.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    orientation_deg : float
        Orientation of the border [degrees]; the light side lies towards ``orientation_deg - 90``.
    centre : tuple of float, optional
        (x, y) of a point on the border [unit].
    contrast : float, optional
        Distance of either side from the mean luminance, from -1 to 1, not 0; negative exchanges them.
    n_frames : int, optional
        Number of frames.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.

    Examples
    --------
    >>> Edge((3, 5), orientation_deg=90).frames(0, 1)[0, 1]
    array([-1., -1., 0., 1., 1.], dtype=float32)
    """

    orientation_deg: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(orientation_deg=_limits.number("orientation_deg", self.orientation_deg))

    def _height(self) -> FloatArray:
        across, _ = self._along(self.orientation_deg)
        return 2 * inside(across, self.grid.pixel_size) - 1


@final
@dataclass(frozen=True, kw_only=True)
class Spot(Shape):
    """A light or dark disc.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    diameter : float
        Diameter [unit].
    centre : tuple of float, optional
        (x, y) of the middle [unit].
    contrast : float, optional
        From -1 (black) to 1 (white), not 0.
    n_frames : int, optional
        Number of frames.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.

    Examples
    --------
    >>> int(Spot((5, 7), diameter=3).frames(0, 1).argmax())  # the middle pixel
    10
    """

    diameter: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(diameter=_checks.positive("diameter", self.diameter))

    def _height(self) -> FloatArray:
        return disc(self._radius(), self.diameter, self.grid.pixel_size)


@final
@dataclass(frozen=True, kw_only=True)
class Annulus(Shape):
    """A light or dark ring.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    inner_diameter, outer_diameter : float
        Diameters of the hole and of the ring [unit].
    centre : tuple of float, optional
        (x, y) of the middle [unit].
    contrast : float, optional
        From -1 (black) to 1 (white), not 0.
    n_frames : int, optional
        Number of frames.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or the hole is not smaller than the ring.

    Examples
    --------
    >>> ring = Annulus((9, 11), inner_diameter=4, outer_diameter=8).frames(0, 1)[0]
    >>> float(ring[4, 5]), float(ring[4, 2])
    (0.0, 1.0)
    """

    inner_diameter: float
    outer_diameter: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            inner_diameter=_checks.positive("inner_diameter", self.inner_diameter),
            outer_diameter=_checks.positive("outer_diameter", self.outer_diameter),
        )
        if self.inner_diameter >= self.outer_diameter:
            raise ValueError(
                f"inner_diameter must be below outer_diameter {self.outer_diameter:g}, "
                f"got {self.inner_diameter:g}"
            )

    def _height(self) -> FloatArray:
        radius, size = self._radius(), self.grid.pixel_size
        return disc(radius, self.outer_diameter, size) - disc(radius, self.inner_diameter, size)


@final
@dataclass(frozen=True, kw_only=True)
class GaborPatch(Shape):
    """A grating under a circular Gaussian envelope.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    orientation_deg : float
        Orientation of the bars [degrees], counter-clockwise from horizontal.
    spatial_frequency : float
        Frequency of the carrier [cycles/unit].
    sigma : float
        Standard deviation of the envelope [unit].
    phase_deg : float, optional
        Phase of the carrier at the centre [degrees]: 0 is a light bar in the middle.
    centre : tuple of float, optional
        (x, y) of the middle [unit].
    contrast : float, optional
        From -1 to 1, not 0.
    n_frames : int, optional
        Number of frames.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range or the carrier would alias.

    Examples
    --------
    >>> patch = GaborPatch((9, 11), orientation_deg=90, spatial_frequency=.25, sigma=3)
    >>> patch.frames(0, 1)[0, 4, 4:7].round(3)  # a cycle is four pixels
    array([0., 1., 0.], dtype=float32)
    """

    orientation_deg: float
    spatial_frequency: float
    sigma: float
    phase_deg: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            orientation_deg=_limits.number("orientation_deg", self.orientation_deg),
            spatial_frequency=_checks.positive("spatial_frequency", self.spatial_frequency),
            sigma=_checks.positive("sigma", self.sigma),
            phase_deg=_limits.number("phase_deg", self.phase_deg),
        )
        tau = np.deg2rad(self.orientation_deg - 90)
        carrier = self.spatial_frequency * np.cos(tau), self.spatial_frequency * np.sin(tau)
        _limits.below_nyquist("spatial_frequency", *carrier, self.grid)

    def _height(self) -> FloatArray:
        across, _ = self._along(self.orientation_deg)
        envelope = np.exp(-(self._radius() ** 2) / (2 * self.sigma**2))
        turns = self.spatial_frequency * across + self.phase_deg / 360
        return np.asarray(envelope * np.cos(2 * np.pi * turns))
