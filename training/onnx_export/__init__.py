"""Conversion of functional Keras models to ONNX."""
