"""Draw docs/gallery/stimuli: one picture a kind of stimulus, and the page that shows them.

python scripts/draw_stimulus_gallery.py [FOLDER]
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from v1sim import Grid, plotting, stimuli

GRID = Grid((32, 48))
N_EXAMPLES = 8
DPI, N_COLOURS = 60, 48  # small files: the pictures live in the repository
WORDS = {
    "GaussianNoise": "White noise, normally distributed: the reference for STA and STC.",
    "BinaryNoise": "White noise of two levels: the highest contrast a screen can show.",
    "TernaryNoise": "White noise of dark, grey and light.",
    "Checks": "Binary noise in checks of 4 px, each pattern held for 2 frames, the lattice jittered.",
    "SparseNoise": "A few light and dark spots on grey; also locally sparse and in balanced repeats.",
    "MSequence": "A binary sequence of flattest autocorrelation, each pixel at a shift of its own.",
    "Hartley": "All Hartley functions up to a cutoff, both signs, in balanced random order, with blanks.",
    "ColouredNoise": "Gaussian noise with power 1/f² in space, autoregressive in time (or 1/f^b).",
    "MotionCloud": "Band-pass noise that drifts: an envelope in frequency, orientation and speed.",
    "NaturalPatches": "Patches of pictures, here at zero mean and unit variance each.",
    "NaturalMovie": "A walk over pictures: fixations that drift, and saccades; here whitened.",
    "Grating": "A drifting grating in a soft aperture; also static and in counterphase.",
    "Plaid": "The sum of two drifting gratings.",
    "Protocol": "Conditions in random order with blanks and repeats.",
    "Bar": "A bar anywhere, of any size and orientation.",
    "Edge": "A border between light and dark.",
    "GaborPatch": "A grating under a Gaussian envelope.",
    "Spot": "A disc.",
    "Annulus": "A ring.",
    "FrozenNoise": "One segment again and again between fresh noise: for explainable variance.",
    "ArrayStimulus": "Any array, .npy file or open dataset; here, two crossed waves.",
    "Video": "Frames of a video file, as contrast about middle grey.",
    "Concatenated": "`concatenate(a, b)`: one after the other.",
    "Repeated": "`repeat(stimulus, 4)`: the same bits again.",
    "Masked": "`mask(stimulus, weights)`: seen through a window.",
    "Scaled": "`with_contrast(stimulus, .3)`: all contrasts times a factor.",
}
"""What each picture shows, in the order of the page."""


def shown(kind: str, folder: Path) -> stimuli.BaseStimulus:
    """Return the stimulus of a picture."""
    if kind == "Checks":
        return stimuli.BinaryNoise(GRID, n_frames=500, seed=0, check_size=4, hold=2, jitter=True)
    if kind == "ArrayStimulus":
        t, y, x = np.ogrid[:40, :32, :48]
        return stimuli.ArrayStimulus(np.sin(x / 5 + t / 4) * np.cos(y / 4 - t / 9))
    if kind == "Video":
        path = folder / "movie.gif"
        stimuli.from_description(stimuli.example("MotionCloud", GRID, n_frames=40)).save_movie(
            path, n_frames=40
        )
        return stimuli.Video(str(path))
    return stimuli.from_description(stimuli.example(kind, GRID, n_frames=500))


def main() -> None:
    """Draw everything."""
    default = Path(__file__).parents[1] / "docs" / "gallery"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    pictures = folder / "stimuli"
    pictures.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Stimuli",
        "",
        "Each picture is what `v1sim stimulus KIND --preview out.gif` draws: the first frames, and below",
        "them the measured power spectrum, autocorrelation and histogram, with the declared ones as lines.",
        "Made by `scripts/draw_stimulus_gallery.py`.",
        "",
    ]
    with tempfile.TemporaryDirectory() as temporary:
        for kind, words in WORDS.items():
            found = stimuli.measure(shown(kind, Path(temporary)), n_examples=N_EXAMPLES)
            drawn = io.BytesIO()
            plotting.stimulus_overview(found).savefig(drawn, dpi=DPI)
            Image.open(drawn).quantize(N_COLOURS).save(pictures / f"{kind}.png", optimize=True)
            lines += [f"## {kind}", "", words, "", f"![{kind}](stimuli/{kind}.png)", ""]
    (folder / "stimuli.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
