"""A network as an ONNX model, for the runtimes that are timed beside the engine."""

from ..networks import IMAGE, Layer
from ..requirements import require


def to_onnx(generator) -> bytes:
    """Return a generator's correction as an ONNX model: "image" (1, channels, rows, columns) to "correction"."""
    onnx = require("onnx")
    helper, network = onnx.helper, generator.network
    state = {name: value.detach().cpu().numpy() for name, value in generator.state_dict().items()}
    nodes, weights = [], []

    def node(kind: str, inputs: list[str], output: str, **attributes) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(name: str, value) -> str:
        weights.append(onnx.numpy_helper.from_array(value, name))
        return name

    def convolve(layer: Layer) -> str:
        read = list(layer.reads)
        if len(read) > 1:
            read = [node("Concat", read, f"{layer.name}.read", axis=1)]
        names = [f"{layer.convolution}.weight", *([f"{layer.convolution}.bias"] if layer.bias else [])]
        padding = layer.kernel // 2 if layer.border == "same" else 0
        kind = "ConvTranspose" if layer.border == "full" else "Conv"
        return node(kind, [*read, *(weight(name, state[name]) for name in names)], f"{layer.name}.sum",
                    kernel_shape=[layer.kernel] * 2, pads=[padding] * 4)

    for layer in network.layers:
        output = convolve(layer)
        if layer.adds:
            output = node("Add", [output, layer.adds], f"{layer.name}.added")
        if layer.activation == "prelu":
            name = f"{layer.slopes}.weight"
            node("PRelu", [output, weight(name, state[name].reshape(-1, 1, 1))], layer.name)
        else:
            node("Relu" if layer.activation else "Identity", [output], layer.name)
    if not network.residual:
        raise ValueError("networks that compute the image itself are not written as ONNX models")
    node("Identity", [network.layers[-1].name], "correction")
    image, result = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, channels, "rows", "columns"])
        for name, channels in ((IMAGE, network.channels), ("correction", 1))
    )
    graph = helper.make_graph(nodes, "network", [image], [result], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9  # what runtimes of some years read
    return model.SerializeToString()
