"""Which columns of the row a graph reads at all: what no node asks for need not be encoded either."""

from onnx import GraphProto, ModelProto, NodeProto, numpy_helper

from towpath.training.compile.graph import ROWS


def columns_read(content: bytes, count: int) -> set[int]:
    """Positions in the row; all of them where a node takes the row as a whole in a way that is not known here."""
    graph = ModelProto.FromString(content).graph
    read: set[int] = set()
    for node in graph.node:
        if ROWS in node.input:
            found = _read_by(node, graph)
            if found is None:
                return set(range(count))
            read |= found
    return read


def _read_by(node: NodeProto, graph: GraphProto) -> set[int] | None:
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type == "TreeEnsemble":
        return set(attributes["nodes_featureids"].ints)
    if node.op_type == "Gather" and attributes["axis"].i == 1:
        chosen = next((one for one in graph.initializer if one.name == node.input[1]), None)
        return None if chosen is None else set(numpy_helper.to_array(chosen).reshape(-1).tolist())
    return None
