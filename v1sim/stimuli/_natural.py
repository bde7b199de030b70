"""Natural images: random patches, and movies of an eye that jumps and drifts over pictures."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import Frames
from v1sim.stimuli import _limits
from v1sim.stimuli._pictures import Picture, about_mean, checksum, load_pictures, whitened
from v1sim.stimuli._random import RandomStimulus
from v1sim.stream import block_generator, check_range

HELD_OUT_EVERY = 5
"""Of the pictures in alphabetical order, every fifth is held out unless others are named."""


@dataclass(frozen=True, kw_only=True)
class PictureStimulus(RandomStimulus):
    """Abstract stimulus of patches cut from pictures: a concrete one says where the patches lie.

    `NaturalMovie` says what the parameters are that both kinds take.
    """

    pictures: str = "skimage"
    split: str = "all"
    held_out: tuple[str, ...] | None = None
    whiten: bool = False
    normalise: bool = False
    sha256: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            pictures=str(self.pictures),
            split=_checks.choice("split", self.split, ("all", "train", "test")),
            whiten=_limits.flag("whiten", self.whiten),
            normalise=_limits.flag("normalise", self.normalise),
        )
        found = load_pictures(self.pictures)
        if self.sha256 is not None and checksum(found) != self.sha256:
            raise ValueError(
                f"pictures in {self.pictures!r} are not those that were described: "
                f"sha256 {checksum(found)}, not {self.sha256}"
            )
        if self.held_out is not None:
            if isinstance(self.held_out, str) or not isinstance(self.held_out, Iterable):
                raise TypeError(f"held_out must be a tuple of names of pictures, got {self.held_out!r}")
            self._hold(held_out=tuple(self.held_out))
            unknown = [name for name in self.held_out if name not in found]
            if unknown:
                raise ValueError(f"held_out must name pictures ({', '.join(found)}), got {unknown}")
        if not self.names:
            raise ValueError(
                f"split {self.split!r} leaves no picture of the {len(found)} in {self.pictures!r}"
            )
        for name in self.names:
            if any(side < patch for side, patch in zip(found[name].shape, self.frame_shape, strict=True)):
                raise ValueError(
                    f"picture {name!r} has {found[name].shape} pixels, smaller than a frame of "
                    f"{self.frame_shape}: show smaller frames, or leave it out"
                )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures that are shown, in alphabetical order."""
        every = tuple(load_pictures(self.pictures))
        held_out = every[::HELD_OUT_EVERY] if self.held_out is None else self.held_out
        chosen = {"all": every, "test": held_out, "train": tuple(n for n in every if n not in held_out)}
        return tuple(sorted(set(chosen[self.split])))

    @property
    def picture_shapes(self) -> NDArray[np.intp]:
        """Rows and columns of each of the pictures that are shown, shape (n, 2)."""
        found = load_pictures(self.pictures)
        return np.array([found[name].shape for name in self.names], np.intp)

    @property
    def mean(self) -> float | None:
        """0 if patches are normalised; otherwise a matter of the pictures."""
        return 0.0 if self.normalise else None

    @cached_property
    def _prepared(self) -> list[Picture]:
        found = load_pictures(self.pictures)
        return [whitened(found[name]) if self.whiten else about_mean(found[name]) for name in self.names]

    @abstractmethod
    def _corners(self, block: int, n: int) -> NDArray[np.intp]:
        """Return picture, top row and left column of the first `n` patches of a block, shape (n, 3)."""

    def where(self, start: int, stop: int) -> NDArray[np.intp]:
        """Which picture (its place in `names`), top row and left column each frame shows, shape (n, 3)."""
        check_range(start, stop, self.n_frames)
        size = self.block_size
        blocks = range(start // size, -(-stop // size))
        corners = [self._corners(k, size) for k in blocks]
        first = blocks.start * size
        return np.concatenate(corners)[start - first : stop - first] if corners else np.empty((0, 3), np.intp)

    def _rooms(self) -> NDArray[np.intp]:
        """Return the number of rows and columns where a patch can begin, for each picture, shape (n, 2)."""
        return self.picture_shapes - np.array(self.frame_shape, np.intp) + 1

    def _fill(self, block: int, out: Frames) -> None:
        corners = self._corners(block, len(out))
        for number, picture in enumerate(self._prepared):
            here = np.flatnonzero(corners[:, 0] == number)
            out[here] = sliding_window_view(picture, self.frame_shape)[corners[here, 1], corners[here, 2]]
        if self.normalise:
            out -= out.mean(axis=(1, 2), keepdims=True)
            sd = out.std(axis=(1, 2), keepdims=True)
            out /= np.where(sd > 0, sd, 1)

    def _parameters(self) -> Mapping[str, Any]:
        return {**super()._parameters(), "sha256": checksum(load_pictures(self.pictures))}


@final
@dataclass(frozen=True, kw_only=True)
class NaturalPatches(PictureStimulus):
    """Patches of pictures, each frame from a place of its own.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the places.
    pictures, split, held_out, whiten, normalise, sha256 : optional
        Which pictures, and how they are prepared: see `NaturalMovie`, which takes the same.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, a picture is smaller than a frame, or a file unreadable or too large.
    FileNotFoundError
        If there is no such folder.

    Examples
    --------
    >>> patches = NaturalPatches((12, 16), n_frames=50, seed=0, split="test")
    >>> patches.names
    ('astronaut', 'coins')
    """

    def _corners(self, block: int, n: int) -> NDArray[np.intp]:
        uniform = block_generator(self.seed, block).random((n, 3))
        rooms = self._rooms()
        picture = (uniform[:, 0] * len(rooms)).astype(np.intp)
        return np.column_stack([picture, (uniform[:, 1:] * rooms[picture]).astype(np.intp)])


@final
@dataclass(frozen=True, kw_only=True)
class NaturalMovie(PictureStimulus):
    """A walk over pictures as an eye makes it: fixations that drift, and saccades to other places.

    A fixation lasts `fixation` frames on average, between half and one and a half times as long; each block
    begins with a new one. Within it the patch takes a Gaussian step a frame, in whole pixels, and stops at
    the edges of the picture.

    Parameters
    ----------
    grid : Grid or tuple of int
        Positions of the pixels, or only the shape ``(ny, nx)`` of a frame in pixels.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the walk.
    fixation : int, optional
        Mean length of a fixation [frames]. Default 18: 0.3 s at 60 frames/s.
    drift : float, optional
        Standard deviation of a step along each axis [px/frame].
    pictures : str, optional
        ``"skimage"`` for the ten pictures that are installed with scikit-image, or the path of a folder of
        image files.
    split : {"all", "train", "test"}, optional
        Which pictures to show: "test" those that are held out, "train" the others.
    held_out : tuple of str, optional
        Names of the pictures that are held out; every fifth in alphabetical order unless told.
    whiten : bool, optional
        Flatten the spectrum of each picture (Olshausen & Field 1997) and give it unit variance. Otherwise
        pixels are contrast about the mean luminance of their picture, from grey levels as they are stored.
    normalise : bool, optional
        Give each patch zero mean and unit variance; a patch of one grey becomes 0.
    sha256 : str, optional
        Checksum of the pictures, as `describe` gives it: other pictures are refused.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, a picture is smaller than a frame, or a file unreadable or too large.
    FileNotFoundError
        If there is no such folder.

    Examples
    --------
    >>> movie = NaturalMovie((12, 16), n_frames=50, seed=0, drift=0.)
    >>> movie.where(0, 2)[0].tolist() == movie.where(0, 2)[1].tolist()  # an eye at rest
    True
    """

    fixation: int = 18
    drift: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._hold(
            fixation=_checks.integer("fixation", self.fixation, minimum=1),
            drift=_limits.within("drift", self.drift, 0, max(self.frame_shape)),
        )

    def _corners(self, block: int, n: int) -> NDArray[np.intp]:
        rng = block_generator(self.seed, block)
        shortest, longest = -(-self.fixation // 2), self.fixation + self.fixation // 2
        n_fixations = -(-self.block_size // shortest)  # as many as a block may need, whatever `n`
        lengths = rng.integers(shortest, longest + 1, n_fixations)
        places = rng.random((n_fixations, 3))
        steps = self.drift * rng.standard_normal((self.block_size, 2))
        fixation = np.repeat(np.arange(n_fixations), lengths)[:n]
        walk = np.cumsum(steps[:n], axis=0)
        begins = np.concatenate([[0], np.cumsum(lengths)])[fixation]
        rooms = self._rooms()
        picture = (places[:, 0] * len(rooms)).astype(np.intp)[fixation]
        corner = places[fixation, 1:] * rooms[picture] + walk - walk[begins]
        return np.column_stack([picture, np.clip(corner, 0, rooms[picture] - 1).astype(np.intp)])
