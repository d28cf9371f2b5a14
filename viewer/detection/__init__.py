"""What a program sees on a slide: pipelines, each with a name, a version and parameters with their ranges."""

from viewer.detection.focus import FOCUS
from viewer.detection.model import Outline, Patch, Pipeline
from viewer.detection.nuclei import NUCLEI
from viewer.detection.tissue import TISSUE

PIPELINES: dict[str, Pipeline] = {pipeline.name: pipeline for pipeline in (TISSUE, FOCUS, NUCLEI)}

__all__ = ["PIPELINES", "Outline", "Patch", "Pipeline"]
