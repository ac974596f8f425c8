"""Types of arrays that many modules exchange."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
# Whole numbers that the entropy coder writes, and which table it uses for each.
Symbols = NDArray[np.int32]
Indices = NDArray[np.uint8]
