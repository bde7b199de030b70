"""Pictures: those that come with scikit-image, or a folder of the user's, as arrays of luminance."""

import hashlib
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray

SKIMAGE_PICTURES = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "rocket",
    "stereo_motorcycle",
)
"""Pictures of `skimage.data` that are installed with it; the others would be fetched from the network."""
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Names of files that count as pictures."""
MAX_PIXELS = 2**26
"""Most pixels of a picture (67 million, 8192 x 8192): a file that claims more is not decoded."""
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in luminance (ITU-R BT.709), for levels as stored: no gamma is undone."""
WHITENING_CUTOFF = 0.2
"""Frequency f0 of the whitening filter [cycles/px]; Olshausen & Field 1997 took .39, 200 cycles in 512 px."""

Picture = NDArray[np.float32]
"""Luminance of a picture, any unit, shape (rows, columns)."""


def load_pictures(source: str) -> dict[str, Picture]:
    """Return the pictures of a source by name, in alphabetical order.

    Parameters
    ----------
    source : str
        ``"skimage"``, or the path of a folder.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If the folder holds no picture, or a file is unreadable, truncated or too large.
    """
    if source == "skimage":
        return _skimage_pictures()
    folder = Path(source)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"pictures must be 'skimage' or a folder of image files, found no folder {source!r}"
        )
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"folder {source!r} holds no picture ({', '.join(SUFFIXES)})")
    return _read_folder(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


def checksum(pictures: dict[str, Picture]) -> str:
    """Return the SHA-256 of the names and the luminance of pictures."""
    digest = hashlib.sha256()
    for name, picture in pictures.items():
        digest.update(f"{name} {picture.shape}".encode())
        digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()


def read_picture(path: Path) -> Picture:
    """Return the luminance of an image file; of several frames, the first.

    Raises
    ------
    ValueError
        If the file is unreadable, truncated or too large.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # slow to import

    too_large = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(
                    f"{path} has {image.width} x {image.height} pixels, more than the {MAX_PIXELS} "
                    "that are read"
                )
            deep = image.mode.startswith(("I", "F"))
            upright = ImageOps.exif_transpose(image)  # as a camera held sideways says
            pixels = np.asarray(upright if deep else upright.convert("RGB"), np.float32)
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not an image file that can be read") from None
    except too_large:
        raise ValueError(f"{path} claims far more than the {MAX_PIXELS} pixels that are read") from None
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if deep and not (np.isfinite(pixels).all() and pixels.min() >= 0):
        raise ValueError(f"{path} holds negative numbers, NaN or infinity, which are no luminance")
    return pixels if deep else as_luminance(pixels)


def as_luminance(pixels: NDArray[np.generic]) -> Picture:
    """Return the luminance of grey (rows, columns) or colour pixels (rows, columns, channels).

    Of one channel or two the first is grey, of more the first three are red, green and blue; what is left is
    the share of a background that is not there.
    """
    values = np.asarray(pixels, np.float32)
    if values.ndim == 2:
        return values
    if values.shape[-1] < 3:
        return values[..., 0]
    red, green, blue = (np.float32(w) * values[..., i] for i, w in enumerate(LUMINANCE))
    return np.asarray(red + green + blue)


def whitened(picture: Picture) -> Picture:
    """Return a picture whose 1/f spectrum is flattened below f0 and cut off above it, at unit variance.

    References
    ----------
    Olshausen & Field 1997, Vision Res 37:3311: gain f exp(-(f / f0)^4).
    """
    f = np.hypot(np.fft.fftfreq(picture.shape[0])[:, None], np.fft.rfftfreq(picture.shape[1]))
    gain = f * np.exp(-((f / WHITENING_CUTOFF) ** 4))
    flat: FloatArray = np.fft.irfft2(np.fft.rfft2(picture) * gain, s=picture.shape)
    sd = flat.std()
    return (flat / sd if sd > 0 else flat).astype(np.float32)


def about_mean(picture: Picture) -> Picture:
    """Return luminance as contrast about the mean of the picture, at least -1."""
    mean = picture.mean(dtype=np.float64)
    return (picture / mean - 1 if mean > 0 else picture * 0).astype(np.float32)


@cache
def _skimage_pictures() -> dict[str, Picture]:
    from skimage import data  # slow to import

    pictures = {}
    for name in SKIMAGE_PICTURES:
        picture = getattr(data, name)()
        pictures[name] = as_luminance(picture[0] if isinstance(picture, tuple) else picture)
    return pictures


@lru_cache(maxsize=2)
def _read_folder(files: tuple[tuple[Path, int, int], ...]) -> dict[str, Picture]:
    return {path.name: read_picture(path) for path, _, _ in files}
