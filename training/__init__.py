"""Train the layout network: photographs to packs, packs to a network, the network to an ONNX file and back."""

SIDE = 128
"""Height and width in px of all that goes into the network and comes out of it."""
