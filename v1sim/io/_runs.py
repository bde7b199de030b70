"""Results on disk: one .npz without pickles and one run.json, written aside and renamed when whole."""

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._npz import read_npz

RECORD = "run.json"
ARRAYS = "result.npz"


@contextmanager
def new_folder(folder: str | PathLike[str]) -> Iterator[Path]:
    """Give a folder to write into, and put it in its place only once everything is written.

    An earlier run in the same place is replaced; a folder that holds anything else is refused.

    Parameters
    ----------
    folder : path
        Where the result shall stand.

    Yields
    ------
    Path
        A folder beside it, which is renamed at the end, or removed if an exception passes.

    Raises
    ------
    FileExistsError
        If `folder` exists and is not an earlier run.
    OSError
        If the place cannot be written to.
    """
    target = Path(folder).absolute()
    if target.exists() and not (target / RECORD).is_file() and (target.is_file() or any(target.iterdir())):
        raise FileExistsError(
            f"output folder {folder} exists and does not hold an earlier run: choose another"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        new = aside / "new"
        new.mkdir()
        yield new
        if target.exists():
            target.rename(aside / "old")
        new.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def save_run(folder: Path, arrays: Mapping[str, NDArray[Any]], config: Mapping[str, Any]) -> None:
    """Write arrays and the record of how they were made into an existing folder.

    Parameters
    ----------
    folder : Path
        Where to write ``result.npz`` and ``run.json``.
    arrays : mapping of str to ndarray
        The result; object arrays are refused.
    config : mapping
        All that is needed to make the result again, in types that JSON knows.
    """
    np.savez_compressed(folder / ARRAYS, allow_pickle=False, **arrays)
    record = {"config": dict(config), **provenance()}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_run(folder: str | PathLike[str]) -> tuple[dict[str, NDArray[np.generic]], dict[str, Any]]:
    """Read what `save_run` wrote.

    Returns
    -------
    arrays : dict of str to ndarray
    record : dict
        The content of ``run.json``.

    Raises
    ------
    FileNotFoundError
        If the folder does not hold a run.
    ValueError
        If a file is damaged.
    """
    folder = Path(folder)
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return read_npz(folder / ARRAYS), record


def provenance() -> dict[str, Any]:
    """Return versions, git commit, time and machine, as `save_run` records them."""
    packages = ("v1sim", "numpy", "scipy", "matplotlib", "scikit-image")
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "git_commit": _git_commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "cpu_count": os.cpu_count()},
    }


def _git_commit() -> str | None:
    """Return the commit of the source tree that the package runs from, or None outside of one."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
