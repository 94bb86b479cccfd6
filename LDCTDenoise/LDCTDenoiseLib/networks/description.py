"""A network as data: its layers, said once. The module, the strips, the compiled program and training read it."""

from collections.abc import Sequence
from dataclasses import dataclass

#: What a layer reads when it reads the image.
IMAGE = "image"


@dataclass(frozen=True)
class Layer:
    """A convolution with its activation."""

    name: str  #: What other layers, and the parameters in a model file, call it.
    filters: int  #: Channels that it computes.
    kernel: int  #: Rows and columns of its kernel, an odd number.
    reads: tuple[str, ...]  #: Layers before it, or `IMAGE`, whose channels it reads one after the other.
    activation: str = ""  #: "relu", "prelu" (a slope for each channel), or "" for none.
    bias: bool = True  #: Whether it adds one.
    #: "same" reads zeros beyond the image; "valid" computes only where all is known, so that the image becomes smaller;
    #: "full" is the transposed convolution that makes up for it.
    border: str = "same"
    #: A layer, or `IMAGE`, of as many channels that is added before the activation; "" for none.
    adds: str = ""
    first_for: str = ""  #: The activation for which the first weights are drawn. Default: its own.

    @property
    def convolution(self) -> str:
        """What a model file calls the parameters of the convolution."""
        return f"{self.name}.0" if self.activation == "prelu" else self.name

    @property
    def slopes(self) -> str:
        """What a model file calls the parameters of the PReLU."""
        return f"{self.name}.1"


@dataclass(frozen=True)
class Network:
    """Layers in the order in which they are computed; the last one has one filter."""

    layers: tuple[Layer, ...]
    residual: bool = True  #: Whether the last layer computes what is added to the image, or the image itself.
    #: Channels of the image that it reads: the slice and, say, a map of its noise, or its neighbours.
    channels: int = 1
    image: int = 0  #: Which of them is the slice that the correction is added to.
    #: Whether the last of them is the noise level of the scan, one value all over (`scan.level`).
    noise_level: bool = False

    @property
    def neighbours(self) -> int:
        """Slices on either side of its own that it reads, its channels in their order; 0 where it has other ones."""
        return self.image if self.channels - self.noise_level == 2 * self.image + 1 else 0

    def width(self, name: str) -> int:
        """Return the channels of a layer, or of the image."""
        return self.channels if name == IMAGE else next(la.filters for la in self.layers if la.name == name)

    def inputs(self, layer: Layer) -> int:
        """Return the channels that a layer reads."""
        return sum(map(self.width, layer.reads))

    @property
    def shrinks(self) -> int:
        """Pixels of an image's side of which nothing is left between the valid and the transposed layers."""
        return sum(layer.kernel - 1 for layer in self.layers if layer.border == "valid")

    @property
    def radius(self) -> int:
        """How many pixels away an input pixel can change an output pixel, at most."""
        reach = {IMAGE: 0}
        for layer in self.layers:
            read = max(reach[name] for name in layer.reads) + layer.kernel // 2
            reach[layer.name] = max(read, reach.get(layer.adds, 0))
        return reach[self.layers[-1].name]

    @property
    def is_plain(self) -> bool:
        """Whether all layers are of the kind that strips and programs compute: 3×3 or 1×1, as large as the image."""
        return all(la.kernel in (1, 3) and la.border == "same" and not la.adds for la in self.layers)

    def last_readers(self) -> dict[str, str]:
        """Return the layer after which the channels of a layer, or of the image, are needed no more, by name."""
        return {name: la.name for la in self.layers for name in (*la.reads, *([la.adds] if la.adds else ()))}


def steps_of(network: Network) -> list[tuple[Layer, ...]]:
    """Return the layers; those that follow each other and read the same in the same way together, as one step."""
    steps: list[tuple[Layer, ...]] = []
    for layer in network.layers:
        kind = (layer.reads, layer.kernel, layer.activation, layer.bias, layer.border, layer.adds)
        before = steps[-1][0] if steps else None
        alike = before and kind == (
            before.reads, before.kernel, before.activation, before.bias, before.border, before.adds
        )
        if alike and not layer.adds:
            steps[-1] = (*steps[-1], layer)
        else:
            steps.append((layer,))
    return steps


def chain(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what each of some layers reads when it reads the one before it, and the first one the image."""
    return [(name,) for name in (IMAGE, *names[:-1])]
