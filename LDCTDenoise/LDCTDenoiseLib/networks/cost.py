"""What a network costs: its multiply-accumulate operations."""

from .description import Network


def count_macs(network: Network, height: int = 512, width: int = 512) -> int:
    """Return the multiply-accumulate operations of all convolutions for one slice of `height` × `width`.

    A layer that keeps the image's size uses each of its weights once for each pixel; a valid one once for each pixel
    that it computes, a transposed one once for each pixel that it reads.
    """
    total, lost = 0, 0
    for layer in network.layers:
        lost += {"same": 0, "valid": 1, "full": 0}[layer.border] * (layer.kernel - 1)
        weights = layer.filters * network.inputs(layer) * layer.kernel**2
        total += weights * max(0, height - lost) * max(0, width - lost)
        lost -= {"same": 0, "valid": 0, "full": 1}[layer.border] * (layer.kernel - 1)
    return total
