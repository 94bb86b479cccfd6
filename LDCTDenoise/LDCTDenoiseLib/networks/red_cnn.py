"""RED-CNN: a residual encoder and decoder of 5×5 convolutions."""

from .description import Layer, Network, chain


def red_cnn(depth: int = 5, filters: int = 96) -> Network:
    """Describe a RED-CNN.

    As many 5×5 convolutions without a border as transposed ones after them; every second convolution's channels, from
    the image on, are added to what a transposed one of the same size computes, before its ReLU.

    It departs from the paper at its end: the sum of image and last layer passes no ReLU, which would cut the noise of
    air at the lower end of the range of CT numbers, and give no gradient there.

    Parameters
    ----------
    depth : int
        Number of convolutions, and of transposed ones. Paper: 5.
    filters : int
        Filters of all but the last layer. Paper: 96.

    References
    ----------
    Chen et al., Low-Dose CT with a Residual Encoder-Decoder Convolutional Neural Network, IEEE Trans Med Imaging
    36(12):2524-2535, 2017, section II and Fig. 1.
    """
    down = tuple(f"down.{n}" for n in range(depth))
    up = tuple(f"up.{n}" for n in range(depth))
    reads = chain((*down, *up))
    # up.0 makes as large as down.3 is, up.2 as down.1, up.4 as the image: to that the engine adds.
    added = ["" if n % 2 else down[depth - 2 - n] for n in range(depth - 1)]
    return Network((
        *(Layer(name, filters, 5, read, "relu", border="valid")
          for name, read in zip(down, reads[:depth], strict=True)),
        *(Layer(name, filters, 5, read, "relu", border="full", adds=add)
          for name, read, add in zip(up[:-1], reads[depth:-1], added, strict=True)),
        Layer(up[-1], 1, 5, reads[-1], border="full"),
    ))
