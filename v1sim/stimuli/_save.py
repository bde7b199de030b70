"""Frames on disk: arrays written block by block, and movies for the eye."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from v1sim import _checks
from v1sim._types import Frames, Stimulus
from v1sim.stream import Progress

MEMBER = "stimulus"
"""Name of the frames within a .npz, the same as in the recordings of `v1sim.io`."""
MOVIE_SIDE = 128
"""Shortest side of a movie [px]: smaller frames are enlarged by a whole factor."""
MOVIE_RATE = 12.0
"""Frames per second of the movie of a stimulus without a frame rate."""
FASTEST_GIF = 50.0
"""Frames per second: players slow a GIF down whose frames last less than 20 ms."""


def save_frames(stimulus: Stimulus, path: Path, progress: Progress | None = None) -> None:
    """Write all frames of a stimulus, never holding more than a block of them."""
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".npz"):
        raise ValueError(f"path must end in .npy or .npz, got {path.name!r}")
    with _aside(path) as temporary:
        if suffix == ".npy":
            with open(temporary, "wb") as file:
                _write_array(stimulus, file, progress)
        else:
            with (
                zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
                archive.open(f"{MEMBER}.npy", "w", force_zip64=True) as file,
            ):
                _write_array(stimulus, file, progress)


def save_movie(stimulus: Stimulus, path: Path, n_frames: int, limit: float) -> None:
    """Write the first frames as a movie in which `limit` is white and -`limit` black."""
    n_frames = min(_checks.integer("n_frames", n_frames, minimum=1), stimulus.n_frames)
    check_movie(path)
    import imageio.v3 as imageio  # slow to import

    pictures = as_bytes(stimulus.frames(0, n_frames), limit)
    factor = -(-MOVIE_SIDE // min(stimulus.frame_shape))
    pictures = pictures.repeat(factor, axis=1).repeat(factor, axis=2)
    rate = getattr(stimulus, "frame_rate", None) or MOVIE_RATE
    with _aside(path) as temporary:
        if path.suffix.lower() == ".gif":
            imageio.imwrite(
                temporary, pictures, plugin="pillow", duration=1000 / min(rate, FASTEST_GIF), loop=0
            )
            return
        try:
            imageio.imwrite(temporary, pictures, plugin="FFMPEG", fps=rate)
        except ImportError:
            raise ValueError(
                "writing .mp4 needs a video writer: pip install imageio-ffmpeg, or write a .gif"
            ) from None


def check_movie(path: Path) -> None:
    """Raise if the name does not end as that of a movie does."""
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise ValueError(f"preview must end in .gif or .mp4, got {path.name!r}")


def as_bytes(frames: Frames, limit: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return frames as grey levels 0 to 255, with mean luminance at 128."""
    grey: np.ndarray[Any, np.dtype[np.uint8]] = np.clip(np.rint(128 + 127 * (frames / limit)), 0, 255).astype(
        np.uint8
    )
    return grey


def _write_array(stimulus: Stimulus, file: IO[bytes], progress: Progress | None) -> None:
    shape = (stimulus.n_frames, *stimulus.frame_shape)
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)),
        "fortran_order": False,
        "shape": shape,
    }
    npy_format.write_array_header_1_0(file, header)
    for start in range(0, stimulus.n_frames, stimulus.block_size):
        stop = min(start + stimulus.block_size, stimulus.n_frames)
        file.write(np.ascontiguousarray(stimulus.frames(start, stop)).data)
        if progress is not None:
            progress(stop, stimulus.n_frames)


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """Give a file in a folder beside the target, and move it there once it is whole."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder: make it before {path.name} is written there")
    folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", dir=path.parent))
    try:
        temporary = folder / path.name
        yield temporary
        temporary.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
