"""Files of the peers with the same fields as a slide of ours, each at its best fair setting, synced.

- tensorstore zarr3, field chunk: one file and one Blosc buffer (zstd 1, byte shuffle) a field, two copy
  threads.
- tensorstore zarr3, shard: one shard a field, inner chunks of 270 × 256 px, the same Blosc.
- zarr-python, shard: the same layout, fields written from two threads; its Blosc is told the pixel's size.
- tifffile zstd: zstd 1, two threads, no predictor (which costs ratio and speed here); tiles of 544 × 512
  px, which it writes fastest, or of 256 × 256 px where small boxes are read.
- h5py gzip-4 and h5py Blosc: chunk = field; gzip as it is mostly used, Blosc by hdf5plugin (zstd 1, byte
  shuffle).
"""

import importlib
import pkgutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import tifffile

from tests.bench.slides import AHEAD, THREADS, Fields
from tests.bench.subjects import sync

INNER = (270, 256)
TILE = (256, 256)
LARGE_TILE = (544, 512)
ZSTD: dict[str, Any] = {"compression": "zstd", "compressionargs": {"level": 1}, "maxworkers": THREADS}
Writer = Callable[[Fields, Path], Path]
_BLOSC = {"typesize": 2, "cname": "zstd", "clevel": 1, "shuffle": "shuffle", "blocksize": 0}
_BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


def write_tensorstore(fields: Fields, path: Path, *, inner: tuple[int, int] | None = None) -> Path:
    """One colour, (N, H, W). Tensorstore syncs each file by itself; the directories are synced at the end."""
    tensorstore = importlib.import_module("tensorstore")
    array = tensorstore.open(_tensorstore_spec(fields, path, inner), create=True, open=True).result()
    under_way: deque[Any] = deque()
    for number in range(len(fields)):
        under_way.append(array[number].write(fields[number][0]))
        if len(under_way) > AHEAD:
            under_way.popleft().result()
    for future in under_way:
        future.result()
    sync(path)
    return path


def _tensorstore_spec(fields: Fields, path: Path, inner: tuple[int, int] | None) -> dict[str, Any]:
    codecs: list[dict[str, Any]] = [_BYTES, {"name": "blosc", "configuration": _BLOSC}]
    if inner:
        sharding = {"chunk_shape": [1, *inner], "codecs": codecs}
        codecs = [{"name": "sharding_indexed", "configuration": sharding}]
    grid = {"name": "regular", "configuration": {"chunk_shape": [1, *fields.shape]}}
    shape = [len(fields), *fields.shape]
    return {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": str(path)},
        "metadata": {"shape": shape, "data_type": "uint16", "chunk_grid": grid, "codecs": codecs},
        "context": {"data_copy_concurrency": {"limit": THREADS}},
    }


def open_tensorstore(path: Path) -> Any:
    """As it opens by default, without a cache: ours starts cold as well."""
    kvstore = {"driver": "file", "path": str(path)}
    context = {"data_copy_concurrency": {"limit": THREADS}}
    spec = {"driver": "zarr3", "kvstore": kvstore, "context": context}
    return importlib.import_module("tensorstore").open(spec, read=True).result()


def write_zarr(fields: Fields, path: Path) -> Path:
    """One colour, (N, H, W), a shard for each field."""
    shape = (1, *fields.shape)
    codec = pkgutil.resolve_name("zarr.codecs:BloscCodec")(
        typesize=2, cname="zstd", clevel=1, shuffle="shuffle"
    )
    array = importlib.import_module("zarr").create_array(
        store=path, shape=(len(fields), *fields.shape), dtype="uint16", chunks=(1, *INNER), shards=shape,
        compressors=codec,
    )  # fmt: skip

    def write(number: int) -> None:
        array[number] = fields[number][0]

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(len(fields))))
    sync(path)
    return path


def write_tiff(fields: Fields, path: Path, *, tile: tuple[int, int] = LARGE_TILE) -> Path:
    """Each colour of each field a page."""
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for number in range(len(fields)):
            for plane in fields[number]:
                file.write(plane, contiguous=False, photometric="minisblack", tile=tile, **ZSTD)
    sync(path)
    return path


def write_hdf5(fields: Fields, path: Path, **filters: Any) -> Path:
    """One colour, (N, H, W), chunk = field."""
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset(
            "fields", (len(fields), *fields.shape), "uint16", chunks=(1, *fields.shape), **filters
        )
        for number in range(len(fields)):
            data[number] = fields[number][0]
    sync(path)
    return path


def write_hdf5_gzip(fields: Fields, path: Path) -> Path:
    return write_hdf5(fields, path, compression="gzip", compression_opts=4)


def write_hdf5_blosc(fields: Fields, path: Path) -> Path:
    return write_hdf5(fields, path, compression=hdf5plugin.Blosc("zstd", 1, hdf5plugin.Blosc.SHUFFLE))
