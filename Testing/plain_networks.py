"""The generators by the words of the papers, in float64: what every faster way of computing them is compared with.

A layer's sum of n products in float32 is off by some √n units of rounding, 2⁻²⁴, of the sum of their absolute values
(N. J. Higham and T. Mary, SIAM J Sci Comput 41(5):A2815-A2835, 2019), here 17 of them, Winograd's by twice as much;
nine layers, each as large as the one before, make 300 of them, 2e-5, if all errors agree, and a tenth if they do not.
"""

import copy

import torch

#: What a correction in float32 may be off, of the largest value of the correction and of the image.
TOLERANCE = 5e-6


def plain_correction(generator, image):
    """Return the correction of a batch of images: every layer a module of its own, planes concatenated."""
    if not hasattr(generator, "features"):
        return generator.stack(image) - (0 if generator.residual else image)
    planes = [image]
    for layer in generator.features:
        planes.append(layer(planes[-1]))
    planes = torch.cat(planes[1:], 1)
    return generator.last(torch.cat([generator.a1(planes), generator.b2(generator.b1(planes))], 1))


def exact_correction(generator, image) -> torch.Tensor:
    """Return the correction of a batch of images of any type, computed and returned in float64."""
    with torch.inference_mode():
        return plain_correction(copy.deepcopy(generator).cpu().double(), torch.as_tensor(image).double())


def exact_hounsfield(generator, hu_range, volume) -> torch.Tensor:
    """Return `G(clip x) - clip x` of slices (slices, rows, columns) in HU, computed and returned in float64."""
    unit = hu_range.to_unit(torch.as_tensor(volume).double())[:, None]
    return torch.cat([exact_correction(generator, one[None]) for one in unit])[:, 0] * hu_range.width


def assert_exact(correction, expected, image) -> None:
    """Check a correction in float32 against the exact one."""
    largest = max(expected.abs().max().item(), image.abs().max().item())
    difference = (correction.double() - expected).abs().max().item()
    assert difference <= TOLERANCE * largest, (difference, largest)
