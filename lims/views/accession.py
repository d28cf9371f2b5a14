"""Slides come into the record: one by a form, many by a file."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from core.errors import BadInput, Conflict
from core.roles import role_required
from lims import guards, imports, services
from lims.forms import FileForm, RegisterForm
from lims.imports import Sheet, columns
from lims.services import Accession

PREVIEW_LASTS_S = 3600


@role_required(*guards.HANDS)
def register(request: HttpRequest) -> HttpResponse:
    form = RegisterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            slide = services.register(entry=form.entry(), actor=request.user)
        except (BadInput, Conflict) as error:
            field = error.detail.get("field")
            form.add_error(field if field in form.fields else None, error.message)
        else:
            messages.success(request, f"Slide {slide.barcode} is registered.")
            return (
                redirect("lims:register") if "stay" in request.POST else redirect("lims:slide", slide.barcode)
            )
    return render(request, "lims/register.html", {"form": form}, status=400 if form.errors else 200)


@role_required(*guards.HANDS)
def import_file(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST with a file: the preview, which writes nothing."""
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "columns": columns.OURS, "required": columns.REQUIRED}
        return render(request, "lims/import.html", context, status=400 if form.errors else 200)
    upload = form.cleaned_data["file"]
    try:
        sheet = imports.judged(imports.read_sheet(upload.read(imports.MAX_BYTES + 1)))
    except BadInput as error:
        form.add_error("file", error.message)
        context = {"form": form, "columns": columns.OURS, "required": columns.REQUIRED}
        return render(request, "lims/import.html", context, status=400)
    return render(request, "lims/import_preview.html", _preview(request, sheet, upload.name))


def _preview(request: HttpRequest, sheet: Sheet, name: str) -> dict[str, Any]:
    good = [
        {k: str(v) if v is not None else "" for k, v in asdict(row.entry).items()}
        for row in sheet.good
        if row.entry
    ]
    refused = [[row.line, "; ".join(row.problems), *row.cells] for row in sheet.refused]
    return {
        "name": name,
        "sheet": sheet,
        "good": sheet.good,
        "refused": sheet.refused,
        "good_token": _seal(request, {"name": name, "rows": good}),
        "refused_token": _seal(request, {"header": list(sheet.header), "rows": refused}),
    }


def _salt(request: HttpRequest) -> str:
    return f"lims.import.{request.user.pk}"


def _seal(request: HttpRequest, content: dict[str, Any]) -> str:
    """The preview travels with its own page, sealed for this person: nothing of it is kept here."""
    return signing.dumps(content, salt=_salt(request), compress=True)


def _unseal(request: HttpRequest) -> dict[str, Any]:
    token = request.POST.get("rows", "")
    try:
        content: dict[str, Any] = signing.loads(token, salt=_salt(request), max_age=PREVIEW_LASTS_S)
    except signing.SignatureExpired as error:
        raise BadInput("This preview is more than an hour old. Send the file again.") from error
    except signing.BadSignature as error:
        raise BadInput("These rows are not the ones that were previewed. Send the file again.") from error
    return content


@require_POST
@role_required(*guards.HANDS)
def import_commit(request: HttpRequest) -> HttpResponse:
    content = _unseal(request)
    entries = [_entry(row) for row in content["rows"]]
    slides = services.register_all(entries=entries, source=content["name"], actor=request.user)
    messages.success(request, f"{len(slides)} slides of {content['name']} are registered.")
    return redirect("lims:slides")


def _entry(row: dict[str, str]) -> Accession:
    dates = {name: columns.day(row[name]) for name in ("birth_date", "received")}
    return Accession(**{**row, **dates, "cut_number": int(row["cut_number"])})  # type: ignore[arg-type]


@require_POST
@role_required(*guards.HANDS)
def import_refused(request: HttpRequest) -> HttpResponse:
    """The refused rows as a file, with the line and the reason in front of each."""
    content = _unseal(request)
    text = imports.to_csv(["line", "why", *content["header"]], content["rows"])
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="refused-rows.csv"'
    return response


@require_safe
@role_required(*guards.HANDS)
def import_template(request: HttpRequest) -> HttpResponse:
    """An empty file with our columns, to be filled in."""
    response = HttpResponse(imports.to_csv(columns.OURS, []), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="slides.csv"'
    return response
