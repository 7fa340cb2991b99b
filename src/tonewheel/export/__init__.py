"""Networks for other places than torch: ONNX files that describe themselves, int8 weights, and proof of parity."""
