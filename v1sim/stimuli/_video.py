"""Frames of a video file, as far as imageio can read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import Frames
from v1sim.grid import Grid
from v1sim.stimuli._base import BaseStimulus
from v1sim.stimuli._files import grid_of, refuse_other, sha256_of
from v1sim.stimuli._pictures import as_luminance
from v1sim.stream import check_range

MAX_BYTES = 2**31
"""Most bytes of a video in memory, one a pixel: 2 GB."""
PILLOW_SUFFIXES = (".gif", ".png", ".tif", ".tiff", ".webp")
FFMPEG_SUFFIXES = (".avi", ".mkv", ".mov", ".mp4", ".webm")
"""Names of files that pillow reads, which is always there, and those that need imageio-ffmpeg."""
MIDDLE_GREY = 127.5
"""Grey level that stands for mean luminance: halfway between black (contrast -1) and white (1)."""


@final
@dataclass(frozen=True)
class Video(BaseStimulus):
    """Frames of a video file: grey levels as contrast, black -1 and white 1.

    Parameters
    ----------
    path : str
        A GIF, WebP, animated PNG or multi-page TIFF; AVI, MKV, MOV, MP4 or WebM if imageio-ffmpeg is there.
    grid : Grid or tuple of int, optional
        Positions of the pixels, of the frames' shape; in pixels unless told.
    frame_rate : float, optional
        Frames per second.
    sha256 : str, optional
        Checksum of the file, as `describe` gives it: another file is refused.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, is too large, does not fit `grid`, or is not the one of the checksum.
    """

    path: str
    grid: Grid | Any = None  # always a Grid once made
    frame_rate: float | None = None
    sha256: str | None = field(default=None, repr=False)
    n_frames: int = field(init=False)

    def __post_init__(self) -> None:
        self._hold(path=str(self.path))
        if self.sha256 is not None:
            refuse_other(self.path, self.sha256)
        n_frames, ny, nx = self._levels.shape
        self._hold(grid=grid_of((ny, nx), self.grid), n_frames=n_frames)
        if self.frame_rate is not None:
            self._hold(frame_rate=_checks.positive("frame_rate", self.frame_rate))

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance [contrast]: 1."""
        return 1.0

    @property
    def _levels(self) -> NDArray[np.uint8]:
        status = Path(self.path).stat()
        return _read(self.path, status.st_mtime_ns, status.st_size)

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        return (self._levels[start:stop].astype(np.float32) - np.float32(MIDDLE_GREY)) / np.float32(
            MIDDLE_GREY
        )

    def _parameters(self) -> Mapping[str, Any]:
        return {**super()._parameters(), "sha256": sha256_of(self.path)}


@lru_cache(maxsize=4)
def _read(path: str, modified: int, size: int) -> NDArray[np.uint8]:
    """Return the grey levels of a video, shape (n_frames, ny, nx); a file that changes is read again."""
    import imageio.v3 as imageio  # slow to import
    from PIL import Image

    frames: list[NDArray[np.uint8]] = []
    n_bytes = 0
    try:
        for picture in imageio.imiter(path, plugin=_plugin(path)):
            frames.append(_grey_levels(path, picture))
            n_bytes += frames[-1].size
            if n_bytes > MAX_BYTES:
                raise ValueError(f"{path} holds more than {MAX_BYTES} pixels: cut it into pieces")
            if frames[-1].shape != frames[0].shape:
                raise ValueError(
                    f"{path} has frames of different shapes: {frames[0].shape}, {frames[-1].shape}"
                )
    except ImportError:
        raise ValueError(f"reading {path} needs a video reader: pip install imageio-ffmpeg") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"{path} claims frames that are far too large to read") from None
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as a video: {error}") from None
    if not frames:
        raise ValueError(f"{path} holds no frame")
    return np.stack(frames)


def _grey_levels(path: str, picture: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return the luminance of a frame, 0 to 255; frames of one bit are black and white."""
    if picture.dtype == np.bool_:
        return np.where(picture, np.uint8(255), np.uint8(0))
    if picture.dtype != np.uint8:
        raise ValueError(
            f"{path} has frames of {picture.dtype}, but grey levels of a video are bytes: convert it, "
            "or read it yourself and use ArrayStimulus"
        )
    return np.rint(as_luminance(picture)).astype(np.uint8)


def _plugin(path: str) -> str:
    """Return the plugin of imageio that reads a file, by its ending: guessing would try them all."""
    suffix = Path(path).suffix.lower()
    if suffix in PILLOW_SUFFIXES:
        return "pillow"
    if suffix in FFMPEG_SUFFIXES:
        return "FFMPEG"
    raise ValueError(f"path must end in {', '.join((*PILLOW_SUFFIXES, *FFMPEG_SUFFIXES))}, got {path!r}")
