"""Cases with their patients: every look is in the audit chain."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from core import audit
from core.errors import NotFound
from core.files import FileDownload
from core.roles import role_required
from lims import guards, queries
from lims.forms import FindCases
from lims.models import Case, Report

PAGE = 50


@require_GET
@role_required(*guards.RECORD)
def case_list(request: HttpRequest) -> HttpResponse:
    form = FindCases(request.GET)
    form.is_valid()
    text = form.cleaned_data.get("q", "").strip()
    page = Paginator(
        queries.find_cases(text=text, tissue=form.cleaned_data.get("tissue", "")), PAGE
    ).get_page(request.GET.get("page"))
    if text:  # a search by name or MRN is a look, too; what was searched for is not written down
        audit.record(actor=request.user, action="case.search", target="cases", found=page.paginator.count)
    return render(request, "lims/cases.html", {"form": form, "page": page, "searched": bool(request.GET)})


@require_GET
@role_required(*guards.RECORD)
def case_page(request: HttpRequest, accession: str) -> HttpResponse:
    case = get_object_or_404(Case.objects.select_related("patient"), accession=accession)
    audit.record(actor=request.user, action="case.look", target=f"case:{case.accession}")
    context = {
        "case": case,
        "patient": case.patient,
        "slides": queries.slides_of_case(case),
        "report": Report.objects.filter(case=case).first(),
        "others": case.patient.cases.exclude(pk=case.pk),
    }
    return render(request, "lims/case.html", context)


@require_GET
@role_required(*guards.RECORD)
def case_report(request: HttpRequest, accession: str) -> HttpResponseBase:
    report = get_object_or_404(Report.objects.select_related("case"), case__accession=accession)
    audit.record(actor=request.user, action="report.look", target=f"case:{accession}")
    try:
        file = report.file.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"The report of {accession} is recorded, but its file is not on the disk.") from error
    suffix = str(report.file.name).rpartition(".")[2]
    return FileDownload(file, as_attachment=True, filename=f"{accession}.{suffix}")
