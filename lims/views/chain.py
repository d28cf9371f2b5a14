"""The audit chain, for administrators: who did what, and whether the chain holds."""

from itertools import islice

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from core import audit
from core.models import AuditEntry
from core.roles import role_required
from lims import guards
from lims.forms import FindAudit

PAGE = 100
SHOWN_BREAKS = 20


@require_GET
@role_required(*guards.KEEPERS)
def audit_page(request: HttpRequest) -> HttpResponse:
    form = FindAudit(request.GET)
    form.is_valid()
    wanted = {f"{name}__icontains": value for name, value in form.cleaned_data.items() if value}
    entries = AuditEntry.objects.filter(**wanted).order_by("-id")
    verified = "verify" in request.GET
    context = {
        "form": form,
        "page": Paginator(entries, PAGE).get_page(request.GET.get("page")),
        "verified": verified,
        "broken": list(islice(audit.broken_links(), SHOWN_BREAKS)) if verified else [],
        "rows": AuditEntry.objects.count(),
    }
    return render(request, "lims/audit.html", context)
