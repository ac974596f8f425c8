"""One folder per family: Keras model, networks, export, and runtime; `registry` names them."""
