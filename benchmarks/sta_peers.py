"""STA of 50 cells, 50,000 frames of 32x32, 10 lags: this package, pyret and pynapple on the same data.

The peers are installed into a throw-away environment. Where they cannot be had, their rows say so. Targets:
at least 5 times faster than pyret, 30 times faster than pynapple, and below 400 MB.

    python benchmarks/sta_peers.py
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np

N_FRAMES, SHAPE, N_CELLS, N_LAGS, RATE = 50_000, (32, 32), 50, 10, 60.0

PYRET = """
import sys, time
import numpy as np
from pyret.filtertools import sta
frames, counts = np.load("frames.npy"), np.load("counts.npy")
times = np.arange(len(frames)) / {rate}
start = time.perf_counter()
for unit in range({looped}):
    sta(times, frames, np.repeat(times + .5 / {rate}, counts[:, unit]), {lags})
print((time.perf_counter() - start) / {looped} * {cells})
"""
PYNAPPLE = """
import time
import numpy as np
import pynapple as nap
frames, counts = np.load("frames.npy"), np.load("counts.npy")
times = np.arange(len(frames)) / {rate}
stimulus = nap.TsdTensor(times, frames)
units = nap.TsGroup({{u: nap.Ts(np.repeat(times + .5 / {rate}, counts[:, u])) for u in range({cells})}})
start = time.perf_counter()
nap.compute_event_triggered_average(stimulus, units, 1 / {rate}, ({lags} / {rate}, 0.0))
print(time.perf_counter() - start)
"""
OURS = """
import resource, time
import numpy as np
from v1sim import revcorr, stimuli
frames, counts = stimuli.ArrayStimulus("frames.npy"), np.load("counts.npy")
start = time.perf_counter()
revcorr.sta(frames, counts, n_lags={lags})
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def printed(python, script, folder, **values):
    """Run a script in another interpreter and return the numbers that it prints."""
    code = script.format(rate=RATE, lags=N_LAGS, cells=N_CELLS, **values)
    done = subprocess.run([python, "-c", code], cwd=folder, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def peer(name, script, folder, **values):
    """Install a peer into its own environment and return its seconds; None where it is not to be had."""
    place = Path(folder) / name
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    try:
        install = [python, "-m", "pip", "install", "-q", name]
        subprocess.run(install, check=True, capture_output=True, text=True)
        return printed(python, script, folder, **values)[0]
    except subprocess.CalledProcessError as error:
        print(f"{name} skipped: {error.stderr.strip().splitlines()[-1] if error.stderr else error}")
        return None


def main():
    """Print seconds, ratios and memory."""
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        np.save(Path(folder) / "frames.npy", rng.standard_normal((N_FRAMES, *SHAPE), dtype=np.float32))
        np.save(Path(folder) / "counts.npy", rng.poisson(0.3, (N_FRAMES, N_CELLS)))
        runs = [printed(sys.executable, OURS, folder) for _ in range(3)]
        ours, memory = sorted(runs)[1]
        print(f"v1sim: {ours:.2f} s for {N_CELLS} cells, peak {memory:.0f} MB (target < 400)")
        for name, script, values, target in (
            ("pyret", PYRET, {"looped": 5}, 5),
            ("pynapple", PYNAPPLE, {}, 30),
        ):
            theirs = peer(name, script, folder, **values)
            if theirs is not None:
                print(f"{name}: {theirs:.1f} s, {theirs / ours:.0f} x ours (target >= {target})")


if __name__ == "__main__":
    main()
