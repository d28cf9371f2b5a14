"""Annotations in and out, for people: a file onto a slide with a preview, and a slide's drawing as a file."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID
from zipfile import ZIP_STORED, ZipFile

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from annotation import exports, queries
from annotation.exchange import ExchangeError, Wanted, write_masks
from annotation.guards import READERS
from annotation.models import Annotation
from annotation.services import importing
from annotation.views.common import person
from core import audit
from core.errors import BadInput, Conflict, NotAllowed, NotFound
from core.roles import Role, has_role, role_required
from lims.models import Slide
from viewer import queries as pixels
from viewer.guards import may_know_barcode, require_view
from viewer.models import VirtualSlide

# the end of the address: (format, media type, what people call it)
FORMS: Final[dict[str, tuple[str, str, str]]] = {
    "xml": ("imagescope", "application/xml", "Aperio ImageScope (XML)"),
    "geojson": ("geojson", "application/geo+json", "QuPath (GeoJSON)"),
    "ann.dcm": ("dicom", "application/dicom", "DICOM bulk annotations"),
    "sr.dcm": ("dicom-sr", "application/dicom", "DICOM structured report"),
    "dsa.json": ("dsa", "application/json", "HistomicsUI (JSON)"),
    "darwin.json": ("darwin", "application/json", "V7 Darwin (JSON)"),
}
MASKS: Final = {"png": "mask-png", "ome.tif": "mask-ome"}
MOST_MASK_PX: Final = 2**28  # what a person waits for; the command draws larger ones
BRINGERS: Final = (*READERS, Role.STEWARD)
LOOKERS: Final = (*READERS, Role.STEWARD, Role.MANAGER)


class FileForm(forms.Form):
    file = forms.FileField(
        label="File",
        widget=forms.ClearableFileInput({"accept": ".xml,.json,.geojson,.anot,.dcm,application/json"}),
    )


class MaskForm(forms.Form):
    form = forms.ChoiceField(
        label="Mask as", choices=[("png", "PNG"), ("ome.tif", "OME-TIFF, with a pyramid")], required=False
    )
    downsample = forms.FloatField(
        label="Pixels of the slide to one of the mask", min_value=1, max_value=1024, initial=16
    )
    instances = forms.BooleanField(label="A value for each shape, not for each label", required=False)


def _slide(request: HttpRequest, uid: UUID) -> Slide:
    slide = Slide.objects.filter(uid=uid).first()
    if slide is None:
        raise NotFound("There is no such slide.")
    require_view(request.user, slide)
    return slide


@require_GET
@role_required(*LOOKERS)
def export(request: HttpRequest, uid: UUID, form: str) -> HttpResponse:
    """The annotations of a slide that this person sees, as a file; readers are numbers in it."""
    if form not in FORMS:
        raise NotFound(f"Annotations come as {', '.join(FORMS)}.")
    slide = _slide(request, uid)
    target, media, _ = FORMS[form]
    try:
        written = exports.exported(slide, target, _drawn(request, slide), whole=True)
    except ExchangeError as error:
        raise BadInput(str(error)) from error
    audit.record(actor=request.user, action="annotations.export", target=f"slide:{uid}", form=target)
    headers = {"Content-Disposition": f'attachment; filename="{uid}.{form}"'}
    return HttpResponse(written.content, content_type=media, headers=headers)


def _drawn(request: HttpRequest, slide: Slide) -> list[Annotation]:
    return list(queries.drawn_on(slide, person(request)).select_related("author", "assignment__reader"))


@require_GET
@role_required(*LOOKERS)
def mask(request: HttpRequest, uid: UUID) -> FileResponse:
    """The outlines as a picture for machine learning, with the table of its values, in a zip."""
    slide = _slide(request, uid)
    form = MaskForm({"downsample": "16", "form": "png", **request.GET.dict()})
    if not form.is_valid():
        raise BadInput("A mask has one pixel for 1 to 1,024 of the slide.", fields=form.errors)
    wanted, suffix = form.cleaned_data, form.cleaned_data["form"] or "png"
    virtual, step = pixels.visible(user=request.user, uid=uid), wanted["downsample"]
    if virtual.width * virtual.height / step**2 > MOST_MASK_PX:
        raise BadInput("This mask is too large for a page: choose a larger downsampling, or the command.")
    document = exports.document_of(slide, _drawn(request, slide))
    size = Wanted((virtual.width, virtual.height), step, wanted["instances"])
    with TemporaryDirectory() as folder:
        packed = Path(folder) / "mask.zip"
        try:
            files, _ = write_masks(document, MASKS[suffix], Path(folder) / f"{uid}.{suffix}", size)
        except ExchangeError as error:
            raise BadInput(str(error)) from error
        with ZipFile(packed, "w", ZIP_STORED) as archive:
            for file in files:
                archive.write(file, file.name)
        audit.record(
            actor=request.user, action="annotations.export", target=f"slide:{uid}", form=MASKS[suffix]
        )
        # An open file outlives its name.
        return FileResponse(packed.open("rb"), as_attachment=True, filename=f"{uid}-mask.zip")


@require_http_methods(["GET", "POST"])
@role_required(*LOOKERS)
def page(request: HttpRequest, uid: UUID) -> HttpResponse:
    """GET: files in and out of a slide. POST with a file: what it holds, and nothing is written; with the
    `sha256` of such a preview as well: it is brought in.
    """
    slide = _slide(request, uid)
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method != "POST":
        return render(request, "annotation/transfers.html", _context(request, slide, form))
    if not has_role(request.user, *BRINGERS):
        raise NotAllowed("Only a pathologist or a steward brings annotations in.")
    importing.may_bring(person(request), slide)
    if not form.is_valid():
        return _shown(request, slide, form, 400)
    upload = form.cleaned_data["file"]
    content = upload.read(importing.LARGEST + 1)
    virtual = _virtual(slide)
    given: dict[str, Any] = {"slide": slide, "content": content, "actor": person(request)}
    try:
        seen = importing.look_at_file(**given, size=(virtual.width, virtual.height))
    except BadInput as error:
        form.add_error("file", error.message)
        return _shown(request, slide, form, 400)
    if request.POST.get("sha256") != seen.sha256:
        return _shown(request, slide, form, 200, seen=seen, name=upload.name)
    done = importing.bring_in(**given, size=(virtual.width, virtual.height))
    messages.success(request, f"{done.new} annotations of {upload.name} are on the slide.")
    where = redirect("annotation:transfers", uid=uid)
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": where.url})
    return where


def _virtual(slide: Slide) -> VirtualSlide:
    found = VirtualSlide.objects.filter(slide=slide, current=True).first()
    if found is None:
        raise Conflict("This slide has no picture yet: nothing can lie on it.")
    return found


def _shown(request: HttpRequest, slide: Slide, form: FileForm, status: int, **more: Any) -> HttpResponse:
    """The preview: alone for the script that keeps the chosen file on its page, else with the page."""
    name = (
        "annotation/transfers_preview.html"
        if request.headers.get("HX-Request")
        else "annotation/transfers.html"
    )
    # htmx shows what is wrong in the preview's place, too
    status = 200 if request.headers.get("HX-Request") else status
    return render(request, name, {**_context(request, slide, form), **more}, status=status)


def _context(request: HttpRequest, slide: Slide, form: FileForm) -> dict[str, Any]:
    refusal = ""
    if has_role(request.user, *BRINGERS):
        try:
            importing.may_bring(person(request), slide)
        except (Conflict, NotAllowed) as error:
            refusal = error.message
    name = slide.barcode if may_know_barcode(request.user) else f"Slide {str(slide.uid)[:8]}"
    rows = queries.drawn_on(slide, person(request))
    held = queries.open_assignment_of(slide, person(request))
    return {
        "slide": slide,
        "name_of_slide": name,
        "form": form,
        "mask_form": MaskForm(),
        "forms": [(suffix, words) for suffix, (_, _, words) in FORMS.items()],
        "drawn": rows.count(),
        "assignment": held,
        "bringer": has_role(request.user, *BRINGERS),
        "refusal": refusal,
        "largest": importing.LARGEST // 2**20,
    }


urls = [
    path("slides/<uuid:uid>/annotations.<str:form>", export, name="export"),
    path("slides/<uuid:uid>/mask.zip", mask, name="mask"),
    path("slides/<uuid:uid>/files/", page, name="transfers"),
]
