"""The JSON of Zarr version 2, https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html."""

from collections.abc import Sequence
from typing import Any

import numpy as np

GROUP = {"zarr_format": 2}
BLOSC = {"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 1, "blocksize": 0}
"""How a program would pack new chunks. To decode, it asks the buffer only, which says how it was packed."""


def array(
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: np.dtype[Any],
    *,
    separator: str,
    compressor: dict[str, Any] | None,
) -> dict[str, Any]:
    """The contents of `.zarray`. Every chunk is there; a fill value would be missing data to xarray."""
    return {
        "zarr_format": 2,
        "shape": list(shape),
        "chunks": list(chunks),
        "dtype": dtype.newbyteorder("<").str,
        "compressor": compressor,
        "fill_value": None,
        "order": "C",
        "filters": None,
        "dimension_separator": separator,
    }


def dimensions(*names: str) -> dict[str, Any]:
    """The attribute by which xarray names the axes of an array."""
    return {"_ARRAY_DIMENSIONS": list(names)}


def consolidated(documents: dict[str, Any]) -> dict[str, Any]:
    """The contents of `.zmetadata`: every other document of the store under its key."""
    return {"zarr_consolidated_format": 1, "metadata": documents}
