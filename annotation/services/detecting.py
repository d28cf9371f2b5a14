"""What a program sees on a slide is stored, on request, as annotations of the person who asks: with the
detector's name as their origin, a layer of their own, and ids that follow from what was seen, so that asking
twice makes no twins.
"""

import hashlib
from collections.abc import Mapping

from annotation.exchange import Document, Layer, Shape
from annotation.guards import may_draw_on
from annotation.services.importing import MOST, Seen, look_at, write
from core.errors import BadInput
from core.models import User
from viewer.addressing import iiif_region
from viewer.detecting import found, pipeline_of
from viewer.models import VirtualSlide


def store_detected(
    *, virtual: VirtualSlide, detector: str, box: str, parameters: Mapping[str, float], actor: User
) -> Seen:
    """Raises NotFound for the detector, BadInput for parameters, box or too much; NotAllowed and Conflict as
    drawing does.
    """
    may_draw_on(actor, virtual.slide)
    pipeline, size = pipeline_of(detector), (virtual.width, virtual.height)
    values = pipeline.values(parameters)
    outlines = found(virtual, pipeline, values, iiif_region(box, size))
    if len(outlines) > MOST:
        raise BadInput(f"These are {len(outlines):,}; at most {MOST:,} are stored at once: zoom in.")
    layer = f"{pipeline.name} {pipeline.version}"
    said = ", ".join(f"{name} {value:g}" for name, value in values.items())
    shapes = tuple(
        Shape(
            kind="polygon",
            geometry={"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in outline]},
            label=pipeline.thing,
            comment=said,
            layer=layer,
        )
        for outline in outlines
    )
    digest = hashlib.sha256(f"{virtual.sha256} {layer} {said} {box}".encode()).hexdigest()
    document = Document(shapes, (Layer(layer, layer),), virtual.pixel_size_um)
    return write(
        virtual.slide,
        actor,
        lambda: look_at(
            slide=virtual.slide,
            document=document,
            form=pipeline.origin,
            digest=digest,
            actor=actor,
            size=size,
        ),
    )
