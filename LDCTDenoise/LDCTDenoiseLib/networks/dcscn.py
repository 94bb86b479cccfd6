"""DCSCN: deep CNN with skip connections and network in network; the generator of DCSCN and DCSWGAN."""

from .description import Layer, Network, chain


def dcscn(filters: list = (32, 26, 22, 18, 14, 11, 8), a1: int = 24, b1: int = 8, b2: int = 8) -> Network:
    """Describe a DCSCN.

    Seven 3×3 layers whose outputs are all concatenated (131 channels), a network in network of two parallel branches
    (A1: 1×1; B1: 1×1 then B2: 3×3), and a last 1×1 layer without bias or activation that gives the correction.
    Receptive field 17×17 (radius 8).

    Parameters
    ----------
    filters : list of int
        Filters of the feature layers. Paper: the defaults.
    a1, b1, b2 : int
        Filters of the reconstruction layers. Paper: the defaults.

    References
    ----------
    You et al., Low-Dose CT via Deep CNN with Skip Connection and Network in Network, arXiv 1811.10564,
    section 2.2 and Fig. 1.
    """
    names = tuple(f"features.{n}" for n in range(len(filters)))
    return Network((
        *(Layer(*layer, "prelu") for layer in zip(names, filters, [3] * len(names), chain(names), strict=True)),
        Layer("a1", a1, 1, names, "prelu"),
        Layer("b1", b1, 1, names, "prelu"),
        Layer("b2", b2, 3, ("b1",), "prelu"),
        Layer("last", 1, 1, ("a1", "b2"), bias=False),
    ))
