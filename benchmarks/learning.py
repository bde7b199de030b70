"""What learning must show, each figure beside its target.

OPENBLAS_NUM_THREADS=1 python benchmarks/learning.py [sparse coherent curve maps digits] [--figures folder]

Pictures are those that are installed with scikit-image, every fifth of them held out; digits are those of
scikit-learn.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from v1sim import experiments
from v1sim.convnet import (
    Adam,
    Conv2d,
    CrossEntropy,
    Dense,
    Detector,
    Pool2d,
    Stack,
    train,
)
from v1sim.gabor import fit_gabor

WEIGHTS = (0.0, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
SHOWN = 0.08
"""Weight of which the pairs are drawn: that of `v1sim learn`."""
SEEDS = (0, 1, 2)


def tell(what, found, target=""):
    """Print a figure beside its target."""
    print(f"  {what:<54} {found:>12}   {target}")


def learned(objective, **changes):
    """Return the result of a run, and the seconds that it took."""
    start = time.perf_counter()
    result, _ = experiments.learn(experiments.learning_config(objective, **changes))
    return result, time.perf_counter() - start


def sparse():
    """Tell how many atoms of sparse codes are Gabors."""
    print("sparse coding")
    for side, units, target in ((12, 64, 60), (16, 144, 130)):
        result, seconds = learned("sparse", side=side, units=units)
        good = int(np.sum(result.fit.r_squared > 0.9))
        tell(f"{side} x {side}, {units} atoms: Gabor R2 > .9", f"{good}/{units}", f">= {target}")
        limit = "<= 15 s" if side == 12 else ""
        tell(f"{side} x {side}: seconds, cutting and fitting included", f"{seconds:.1f}", limit)


def coherent():
    """Tell what pairs that learned from pictures see of phase."""
    print("complex cells from pictures, 16 x 16")
    for seed in SEEDS:
        result, seconds = learned("coherent", seed=seed)
        n_x = np.median(result.fit.gabor.n_x)
        print(f" seed {seed}, {len(result.depth)} pairs")
        tell("phase modulation, median of pairs", f"{np.median(result.depth):.3f}", "<= .12")
        tell("  of shuffled pairs", f"{np.median(result.shuffled_depth):.3f}", "prototype .92")
        tell("  mean, 90th percentile of pairs", _spread(result.depth))
        tell("  of the kernels on frames", f"{np.median(result.kernel_depth):.3f}")
        tell("n_x, median", f"{n_x:.2f}", "<= .7")
        tell("pairs within 15 deg", f"{100 * result.shared.orientation:.0f} %", ">= 93 %")
        tell("pairs within .5 octaves", f"{100 * result.shared.frequency:.0f} %")
        tell("filters with Gabor R2 > .8", f"{100 * np.mean(result.fit.r_squared > 0.8):.0f} %", ">= 93 %")
        kernels = fit_gabor(result.kernels.astype(np.float64))
        tell("  n_x of the kernels on frames, median", f"{np.median(kernels.gabor.n_x):.2f}")
        tell("  their share with R2 > .8", f"{100 * np.mean(kernels.r_squared > 0.8):.0f} %")
        tell("seconds, cutting and fitting included", f"{seconds:.1f}", "<= 60 s")


def curve(folder):
    """Tell depth and n_x over the weight of coherence, and draw them."""
    print("trade-off: weight of coherence, depth, shuffled, n_x, orientation, R2 > .8")
    results = []
    for weight in WEIGHTS:
        result, _ = learned("coherent", weight=weight)
        results.append(result)
        print(
            f"  {weight:5.2f}  {np.median(result.depth):.3f}  {np.median(result.shuffled_depth):.3f}  "
            f"{np.median(result.fit.gabor.n_x):.2f}  {result.shared.orientation:.2f}  "
            f"{np.mean(result.fit.r_squared > 0.8):.2f}"
        )
    if folder is not None:
        from v1sim import plotting

        plotting.coherence_curve(WEIGHTS, results).savefig(folder / "curve.png")
        plotting.learned_filters(results[WEIGHTS.index(SHOWN)]).savefig(folder / "pairs.png")


def maps(folder):
    """Tell how smooth the orientation map of a tiled, topographically pooled layer is."""
    print("orientation maps: tiled convolution, topographic pooling, 32 x 32 pictures")
    for seed in SEEDS:
        for pool, target in ((3, "< .001"), (1, "no neighbours, no order")):
            start = time.perf_counter()
            found = experiments.orientation_map(experiments.OrientationMapConfig(pool=pool, seed=seed))
            seconds = time.perf_counter() - start
            print(f" seed {seed}, pooled over {pool} x {pool}")
            tell(
                "correlation of neighbours' orientations",
                f"{found.smoothness:.2f}",
                f"shuffled {found.shuffled:.2f}",
            )
            tell("p, against shuffled positions", f"{found.p_value:.4f}", target)
            tell("seconds", f"{seconds:.1f}")
            if folder is not None and seed == SEEDS[0] and pool > 1:
                from v1sim import plotting

                plotting.orientation_sheet(found).savefig(folder / "map.png")


def digits():
    """Tell how many held-out digits a small classifier names."""
    from sklearn.datasets import load_digits  # in the extra "test"

    print("scikit-learn's digits: conv-pool-conv-pool-dense")
    data = load_digits()
    x, labels = (data.images / 16).astype(np.float32)[:, None], data.target
    order = np.random.default_rng(0).permutation(len(x))
    tested, learned_from = order[:360], order[360:]
    for seed in SEEDS:
        start, rng = time.perf_counter(), np.random.default_rng(seed)
        stack = Stack(
            [
                Conv2d.random(16, 1, 3, rng=rng, padding="same"),
                Detector("relu"),
                Pool2d("max", 2),
                Conv2d.random(32, 16, 3, rng=rng, padding="same"),
                Detector("relu"),
                Pool2d("max", 2),
                Dense.random(10, 128, rng=rng),
            ],
            input_shape=(1, 8, 8),
        )
        trained = train(
            stack, (x[learned_from], labels[learned_from]), objective=CrossEntropy(),
            optimiser=Adam(rate=3e-3), epochs=40, seed=seed, batch_size=50,
        )  # fmt: skip
        named = trained.stack.forward(x[tested])[0][:, :, 0, 0].argmax(axis=1)
        share = np.mean(named == labels[tested])
        tell(f"seed {seed}: share of 360 held-out digits named", f"{100 * share:.1f} %", ">= 98 %")
        tell(f"seed {seed}: seconds", f"{time.perf_counter() - start:.1f}", "<= 60 s")


def _spread(values):
    return f"{values.mean():.3f}, {np.percentile(values, 90):.3f}"


def main():
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ["sparse", "coherent", "curve", "maps", "digits"]
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(parts)}; all unless told")
    parser.add_argument("--figures", type=Path, help="folder for the curve, the pairs and the map")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(parts)}")
    for part in options.parts or parts:
        if part in ("curve", "maps"):
            {"curve": curve, "maps": maps}[part](options.figures)
        else:
            {"sparse": sparse, "coherent": coherent, "digits": digits}[part]()


if __name__ == "__main__":
    main()
