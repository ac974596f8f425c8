"""Write the graphs of integer layers: `python -m scripts.make_integer_layers`."""

from onnx import TensorProto, helper

from compressor.entropy.integer_layers import NUMBERS_OF_LAYERS, graph_path
from training.onnx_export.builder import GraphBuilder

# Old enough for every version of ONNX Runtime that is supported.
OPSET, IR_VERSION = 13, 7


def integer_layers_graph(num_layers: int) -> bytes:
    """Return a graph that `compressor.entropy.integer_layers` runs; see there for its inputs."""
    inputs = [
        helper.make_tensor_value_info("inputs", TensorProto.UINT8, ["positions", "inputs"]),
        helper.make_tensor_value_info("zero_point", TensorProto.UINT8, []),
    ]
    builder = GraphBuilder({})
    x, zero = "inputs", builder.floats(0)
    for k in range(num_layers):
        weights, bias, scale, maximum = (f"{name}_{k}" for name in ("weights", "bias", "scale", "maximum"))
        inputs += [
            helper.make_tensor_value_info(weights, TensorProto.INT8, [f"inputs_{k}", f"outputs_{k}"]),
            helper.make_tensor_value_info(bias, TensorProto.FLOAT, None),
            helper.make_tensor_value_info(scale, TensorProto.FLOAT, [f"outputs_{k}"]),
            helper.make_tensor_value_info(maximum, TensorProto.FLOAT, []),
        ]
        zero_point = [] if k else ["zero_point"]
        products = builder.node("MatMulInteger", x, weights, *zero_point)
        sums = builder.node("Add", builder.node("Cast", products, to=TensorProto.FLOAT), bias)
        clipped = builder.node("Clip", builder.node("Mul", sums, scale), zero, maximum)
        # The cast drops the fraction. This rounds down, since no value is negative.
        x = builder.node("Cast", clipped, to=TensorProto.UINT8)
    output = helper.make_tensor_value_info(x, TensorProto.UINT8, ["positions", "outputs"])
    graph = helper.make_graph(builder.nodes, "integer_layers", inputs, [output], builder.initialisers)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION).SerializeToString()


if __name__ == "__main__":
    for number in NUMBERS_OF_LAYERS:
        graph_path(number).write_bytes(integer_layers_graph(number))
