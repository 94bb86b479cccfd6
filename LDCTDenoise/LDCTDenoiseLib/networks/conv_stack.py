"""The plain stack of eight convolutions behind CNN-L1 and WGAN."""

from .description import Layer, Network, chain


def conv_stack(layers: int = 8, filters: int = 32, residual: bool = True) -> Network:
    """Describe a stack of 3×3 convolutions with ReLU between them and no activation after the last.

    Parameters
    ----------
    layers : int
        Number of convolutions. Paper: 8, hence a receptive field of 17×17.
    filters : int
        Filters of all but the last layer. Paper: 32.
    residual : bool
        True: the stack computes the correction and the image is added. False: the stack computes the image itself,
        as in the paper. The default departs from the paper because over the range of CT numbers the stack would
        spend its capacity on copying the image to a fraction of a HU, and because zero weights then mean "unchanged".

    References
    ----------
    You et al., arXiv 1811.10564, section 3.2 (CNN-L1, WGAN); the network is that of Yang et al., IEEE Trans Med
    Imaging 37(6):1348-1357, 2018, whose published code ends in a ReLU that this one must not have.
    """
    # The odd numbers are the ReLUs, which have no parameters.
    names = tuple(f"stack.{2 * n}" for n in range(layers))
    *inner, last = zip(names, chain(names), strict=True)
    return Network((
        *(Layer(name, filters, 3, reads, "relu") for name, reads in inner),
        Layer(last[0], 1, 3, last[1], first_for="relu"),
    ), residual)
