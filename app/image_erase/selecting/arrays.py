"""Types of the arrays that are passed between the parts of the selection."""

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
Index = NDArray[np.intp]
"""Numbers of bins."""
