"""Words in a picture, by whichever engine the machine has: rapidocr with its models, or tesseract."""

import importlib.util
import pkgutil
import shutil
import subprocess
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Protocol

import numpy as np
from PIL import Image

TESSERACT_S: Final = 60.0
QUARTERS: Final = (0, 1)
"""Words across and words along the slide; the engines turn what stands on its head by themselves."""


class Engine(Protocol):
    name: str

    def words(self, pixels: np.ndarray[Any, Any]) -> list[str]: ...


@dataclass(slots=True)
class RapidOcr:
    machine: Any
    name: str = "rapidocr"

    def words(self, pixels: np.ndarray[Any, Any]) -> list[str]:
        found, _ = self.machine(pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1))
        return [str(line[1]) for line in found or ()]


@dataclass(slots=True)
class Tesseract:
    program: str
    name: str = "tesseract"

    def words(self, pixels: np.ndarray[Any, Any]) -> list[str]:
        lines: list[str] = []
        for quarter in QUARTERS:
            store = BytesIO()
            Image.fromarray(np.rot90(pixels, quarter)).save(store, "PNG")
            done = subprocess.run(
                [self.program, "-", "-", "--psm", "11"],
                input=store.getvalue(), capture_output=True, check=True, timeout=TESSERACT_S,
            )  # fmt: skip
            lines += done.stdout.decode("utf-8", "replace").splitlines()
        return [line for line in lines if line.strip()]


def find_engine() -> Engine | None:
    if importlib.util.find_spec("rapidocr_onnxruntime"):
        # By name: it is an extra, and loading it costs half a second that a report need not wait for.
        maker = pkgutil.resolve_name("rapidocr_onnxruntime:RapidOCR")
        return RapidOcr(maker(intra_op_num_threads=1, inter_op_num_threads=1))
    program = shutil.which("tesseract")
    return Tesseract(program) if program else None
