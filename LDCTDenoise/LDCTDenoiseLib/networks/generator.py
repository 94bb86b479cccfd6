"""A network's description as a module of torch."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from .description import IMAGE, Layer, Network

#: Of every PReLU before training.
PRELU_SLOPE = 0.1


class Generator(nn.Module):
    """A generator G on images of unit scale, split so that `G(x) - x` never suffers from cancellation.

    Keeping the correction apart from the image has two reasons: the engine adds it to the untouched HU values, so a
    network of zero weights returns its input bit for bit, and half precision rounds only the correction (one bfloat16
    step of a whole image over 4096 HU is 16 HU).

    Parameters
    ----------
    network : Network
    """

    def __init__(self, network: Network):
        super().__init__()
        self.network = network
        for layer in network.layers:
            self._put(layer.convolution, _convolution(layer, network.inputs(layer)))
            if layer.activation == "prelu":
                self._put(layer.slopes, nn.PReLU(layer.filters, init=PRELU_SLOPE))

    def _put(self, name: str, module: nn.Module) -> None:
        """Add a module under a name with dots, which model files know it by."""
        *path, name = name.split(".")
        parent = self
        for part in path:
            if part not in parent._modules:
                parent.add_module(part, nn.Module())
            parent = parent._modules[part]
        parent.add_module(name, module)

    @property
    def radius(self) -> int:
        """How many pixels away an input pixel can change an output pixel, at most."""
        return self.network.radius

    def slice_of(self, image: Tensor) -> Tensor:
        """Return the channel that the correction is added to, shape (B, 1, H, W)."""
        return image[:, self.network.image : self.network.image + 1]

    def at_noise_level(self, level: float) -> "Generator":
        """Return the generator of images without the channel of the noise level, for scans of this one.

        What a channel of one value adds to a layer is a constant: it becomes part of the biases. The paper's network is
        left, as fast as ever, and the result is the same but for what lies within `radius` of an image's border.
        """
        network = replace(self.network, channels=self.network.channels - 1, noise_level=False)
        weights = self.state_dict()
        for layer in self.network.layers:
            if IMAGE in layer.reads:
                kernel, bias = (f"{layer.convolution}.{name}" for name in ("weight", "bias"))
                end = sum(map(self.network.width, layer.reads[: layer.reads.index(IMAGE) + 1]))
                channels = weights[kernel]
                weights[bias] = weights[bias] + level * channels[:, end - 1].sum((1, 2))
                weights[kernel] = torch.cat((channels[:, : end - 1], channels[:, end:]), 1)
        with torch.device("meta"):
            generator = Generator(network)
        generator.load_state_dict(weights, assign=True)
        return generator

    def correction(self, image: Tensor) -> Tensor:
        """Return `G(image) - slice_of(image)`, shape (B, 1, H, W), for a batch of shape (B, channels, H, W)."""
        height, width = image.shape[-2:]
        missing = [max(0, self.network.shrinks + 1 - size) for size in (height, width)]
        if any(missing):
            # Smaller than what is lost between valid and transposed layers: its last row and column go on.
            image = functional.pad(image, (0, missing[1], 0, missing[0]), mode="replicate")
        output = self._last_layer(image)
        output = output if self.network.residual else output - self.slice_of(image)
        return output[..., :height, :width]

    def _last_layer(self, image: Tensor) -> Tensor:
        channels, last_readers = {IMAGE: image}, self.network.last_readers()
        for layer in self.network.layers:
            read = [channels[name] for name in layer.reads]
            output = self.get_submodule(layer.convolution)(read[0] if len(read) == 1 else torch.cat(read, dim=1))
            if layer.adds:
                output = output + channels[layer.adds]
            if layer.activation == "relu":
                output = output.relu()
            elif layer.activation == "prelu":
                output = self.get_submodule(layer.slopes)(output)
            channels[layer.name] = output
            # What nobody reads any more is given up at once: without a gradient that is most of the memory.
            channels = {name: kept for name, kept in channels.items() if last_readers.get(name) != layer.name}
        return output

    def forward(self, image: Tensor) -> Tensor:
        """Return `G(image)`, shape (B, 1, H, W), for a batch on the unit interval; the result is not clipped."""
        return self.slice_of(image) + self.correction(image)


def _convolution(layer: Layer, inputs: int) -> nn.Module:
    """Return a layer's convolution with its first weights (He et al.)."""
    if layer.border == "full":
        convolution = nn.ConvTranspose2d(inputs, layer.filters, layer.kernel, bias=layer.bias)
        weight = convolution.weight.transpose(0, 1)
    else:
        padding = layer.kernel // 2 if layer.border == "same" else 0
        convolution = nn.Conv2d(inputs, layer.filters, layer.kernel, padding=padding, bias=layer.bias)
        weight = convolution.weight
    activation = layer.first_for or layer.activation
    nonlinearity = {"relu": "relu", "prelu": "leaky_relu", "": "linear"}[activation]
    nn.init.kaiming_normal_(weight, a=PRELU_SLOPE if activation == "prelu" else 0, nonlinearity=nonlinearity)
    if layer.bias:
        nn.init.zeros_(convolution.bias)
    return convolution
