"""Train the first weights: an L1 fit on pairs of full-dose slices and simulated noise.

A small script for the weights the extension starts with. It reads pairs of numpy files, `NAME_full.npy` (int16 HU)
and `NAME_noise.npy` (int16 HU, what the lower dose adds), both (slices, rows, columns), from `PAIRS/train` and
`PAIRS/validation`. It keeps its state in the output folder and goes on from it when called again.

    python -m LDCTDenoiseTrainingLib.first_weights --pairs PAIRS --method DCSCN --output STATE --steps 4000
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.networks import build_generator

LOWER, UPPER = -1024.0, 3071.0
PATCH, BATCH = 80, 32
#: A patch counts as air when less than this part of it lies above -500 HU; one such patch in ten is kept.
AIR = 0.1


def load_pairs(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Map every patient file of a folder to its full-dose volume and its noise, both memory-mapped."""
    names = sorted(p.name[: -len("_noise.npy")] for p in folder.glob("*_noise.npy"))
    if not names:
        raise SystemExit(f"no *_noise.npy below {folder}: make the pairs first.")
    return {n: tuple(np.load(folder / f"{n}_{kind}.npy", mmap_mode="r") for kind in ("full", "noise")) for n in names}


def draw_batch(pairs, rng: np.random.Generator, noise_scale) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw low-dose and full-dose patches in HU, each (BATCH, 1, PATCH, PATCH), patients equally often.

    The simulated quarter-dose noise is multiplied by a factor from the range `noise_scale`, so that the network meets
    more than one dose. The factors come third, shape (BATCH, 1, 1, 1).
    """
    names = list(pairs)
    low, full, factors = [], [], []
    while len(full) < BATCH:
        target, noise = pairs[names[rng.integers(len(names))]]
        k = rng.integers(len(target))
        j, i = (rng.integers(size - PATCH + 1) for size in target.shape[1:])
        box = np.s_[k, j : j + PATCH, i : i + PATCH]
        patch = target[box].astype(np.float32)
        if (patch > -500).mean() < AIR and rng.random() > 0.1:
            continue
        factors.append(rng.uniform(*noise_scale))
        noisy = patch + factors[-1] * noise[box].astype(np.float32)
        turns, flip = rng.integers(4), rng.integers(2)
        for patches, image in ((low, noisy), (full, patch)):
            image = np.rot90(image, turns)
            patches.append(image[:, ::-1] if flip else image)
    low, full = (torch.from_numpy(np.stack(p)[:, None].astype(np.float32)) for p in (low, full))
    return low, full, torch.tensor(factors, dtype=torch.float32)[:, None, None, None]


def to_unit(hounsfield):
    """Scale HU to the unit interval, clipped."""
    return (hounsfield.clip(LOWER, UPPER) - LOWER) / (UPPER - LOWER)


@torch.no_grad()
def validate(network, pairs) -> dict[str, list[float]]:
    """Return PSNR in [-160, 240] HU before and after, the mean of each patient's slices."""
    def psnr(a, b):
        a, b = ((np.clip(x, -160, 240) + 160) / 400 for x in (a, b))
        return -10 * np.log10(np.mean((a - b) ** 2))

    results = {}
    for name, (full, noise) in pairs.items():
        values = []
        for target, added in zip(full[::4], noise[::4], strict=True):
            low = target.astype(np.float32) + added
            unit = to_unit(torch.from_numpy(low)[None, None]).contiguous(memory_format=torch.channels_last)
            output = low + network.correction(unit)[0, 0].numpy() * (UPPER - LOWER)
            values.append([psnr(target, low), psnr(target, output)])
        results[name] = [round(float(v), 3) for v in np.mean(values, axis=0)]
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--method", choices=["DCSCN", "CNN-L1"], required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", type=float, nargs=2, default=[0.6, 1.2], metavar=("LOWEST", "HIGHEST"))
    parser.add_argument("--peak-rate", type=float, default=2e-3)
    parser.add_argument("--balance", action="store_true", help="weigh each patch with the inverse of its noise")
    parser.add_argument("--start", type=Path, help="begin with the weights of this state.pt")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    state_file = arguments.output / "state.pt"

    train, validation = load_pairs(arguments.pairs / "train"), load_pairs(arguments.pairs / "validation")
    torch.manual_seed(arguments.seed)
    network = build_generator(arguments.method).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=arguments.peak_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, arguments.peak_rate, total_steps=arguments.steps + 1)
    step, seconds = 0, 0.0
    if arguments.start and not state_file.exists():
        network.load_state_dict(torch.load(arguments.start, weights_only=True)["network"])
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        step, seconds = state["step"], state["seconds"]

    started = time.monotonic() - seconds
    while step < arguments.steps:
        low, full, factor = draw_batch(train, np.random.default_rng([arguments.seed, step]), arguments.noise)
        low, full = (to_unit(x).contiguous(memory_format=torch.channels_last) for x in (low, full))
        optimiser.zero_grad(set_to_none=True)
        error = (network(low) - full).abs()
        # The error grows with the noise: without this the noisiest patches alone would decide.
        loss = (error / factor if arguments.balance else error).mean()
        loss.backward()
        optimiser.step()
        schedule.step()
        step += 1
        if step % 100 == 0 or step == arguments.steps:
            record = {"step": step, "of": arguments.steps, "l1": loss.item(), "seconds": time.monotonic() - started}
            if step % 500 == 0 or step == arguments.steps:
                record["validation"] = validate(network, validation)
            with (arguments.output / "log.jsonl").open("a") as log:
                log.write(json.dumps(record) + "\n")
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step,
                     "schedule": schedule.state_dict(), "seconds": record["seconds"]}
            torch.save(state, state_file.with_suffix(".new"))
            state_file.with_suffix(".new").replace(state_file)


if __name__ == "__main__":
    main()
