"""The generators by the words of the papers, in float64: what every faster way of computing them is compared with.

A layer's sum of n products in float32 is off by some √n units of rounding, 2⁻²⁴, of the sum of their absolute values
(N. J. Higham and T. Mary, SIAM J Sci Comput 41(5):A2815-A2835, 2019), here 17 of them, Winograd's by twice as much;
nine layers, each as large as the one before, make 300 of them, 2e-5, if all errors agree, and a tenth if they do not.
"""

import copy

import numpy as np
import torch
from LDCTDenoiseLib.methods.borders import extended
from torch.nn import functional

#: What a correction in float32 may be off, of the largest value of the correction and of the image.
TOLERANCE = 5e-6


def plain_correction(generator, image, watch=lambda before: None):
    """Return the correction of a batch of images from a generator's parameters alone, channels concatenated.

    `watch` is called with what each activation is given.
    """
    weights = dict(generator.named_parameters())

    def layer(name, image, activate=None):
        weight = weights[f"{name}.weight"]
        before = functional.conv2d(image, weight, weights.get(f"{name}.bias"), padding=weight.shape[2] // 2)
        if activate is not None:
            watch(before)
        return before if activate is None else activate(before)

    def activated(name, image):
        return layer(f"{name}.0", image, lambda before: functional.prelu(before, weights[f"{name}.1.weight"]))

    if "last.weight" not in weights:
        *names, last = sorted((n.removesuffix(".weight") for n in weights if n.endswith("weight")),
                              key=lambda n: int(n.split(".")[1]))
        output = image
        for name in names:
            output = layer(name, output, torch.relu)
        output = layer(last, output)
        return output if generator.network.residual else output - generator.slice_of(image)
    channels = [image]
    for n in range(sum(name.startswith("features.") and name.endswith(".0.weight") for name in weights)):
        channels.append(activated(f"features.{n}", channels[-1]))
    channels = torch.cat(channels[1:], 1)
    b2 = activated("b2", activated("b1", channels))
    return layer("last", torch.cat([activated("a1", channels), b2], 1))


def exact_correction(generator, image) -> torch.Tensor:
    """Return the correction of a batch of images of any type, computed and returned in float64."""
    with torch.inference_mode():
        return plain_correction(copy.deepcopy(generator).cpu().double(), torch.as_tensor(image).double())


def exact_hounsfield(generator, hu_range, volume) -> torch.Tensor:
    """Return `G(clip x) - clip x` of slices (slices, rows, columns) in HU, computed and returned in float64.

    The network sees each slice as the engine extends it beyond its borders.
    """
    margin = generator.radius
    shown = extended(np.asarray(volume, np.float32), margin)
    unit = hu_range.to_unit(torch.from_numpy(shown).double())[:, None]
    corrections = torch.cat([exact_correction(generator, one[None]) for one in unit])[:, 0]
    return corrections[:, margin:, margin:][:, : volume.shape[1], : volume.shape[2]] * hu_range.width


def assert_exact(correction, expected, image) -> None:
    """Check a correction in float32 against the exact one."""
    largest = max(expected.abs().max().item(), image.abs().max().item())
    difference = (correction.double() - expected).abs().max().item()
    assert difference <= TOLERANCE * largest, (difference, largest)
