"""Write the graph of an integer layer: `python -m scripts.make_integer_layer`."""

from onnx import TensorProto, helper

from compressor.entropy.integer_layer import GRAPH

# Old enough for every version of ONNX Runtime that is supported.
OPSET, IR_VERSION = 13, 7


def integer_layer_graph() -> bytes:
    """Return the graph that `compressor.entropy.integer_layer` runs; see there for its inputs."""
    inputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in [
            ("inputs", TensorProto.UINT8, ["positions", "inputs"]),
            ("zero_point", TensorProto.UINT8, []),
            ("weights", TensorProto.INT8, ["inputs", "outputs"]),
            ("bias", TensorProto.FLOAT, None),
            ("scale", TensorProto.FLOAT, ["outputs"]),
            ("maximum", TensorProto.FLOAT, []),
        ]
    ]
    nodes = [
        helper.make_node("MatMulInteger", ["inputs", "weights", "zero_point"], ["products"]),
        helper.make_node("Cast", ["products"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["floats", "bias"], ["sums"]),
        helper.make_node("Mul", ["sums", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "zero", "maximum"], ["clipped"]),
        # The cast drops the fraction. This rounds down, since no value is negative.
        helper.make_node("Cast", ["clipped"], ["outputs"], to=TensorProto.UINT8),
    ]
    outputs = [helper.make_tensor_value_info("outputs", TensorProto.UINT8, ["positions", "outputs"])]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    graph = helper.make_graph(nodes, "integer_layer", inputs, outputs, [zero])
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION).SerializeToString()


if __name__ == "__main__":
    GRAPH.write_bytes(integer_layer_graph())
