"""The page of naming templates: those there are, and a new version of the laboratory's own."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.errors import Conflict, NocturneError
from core.roles import has_role, role_required
from corpus.errors import BadName
from corpus.forms import NamingForm
from corpus.models import NamingTemplate
from corpus.naming import TEMPLATES
from corpus.patterns import EXAMPLE, FIELDS, own_template
from corpus.services.deciding import MAKERS
from corpus.services.naming import keep_template
from corpus.views import LOOKERS, dry_run, person


@require_GET
@role_required(*LOOKERS)
def names(request: HttpRequest) -> HttpResponse:
    return _page(request, NamingForm())


@require_POST
@role_required(*MAKERS)
def keep(request: HttpRequest) -> HttpResponse:
    """Keep a line as its name's next version; with `dry_run` only show the names of what is ready."""
    form = NamingForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    given = form.cleaned_data
    try:
        if "dry_run" in request.POST:
            return dry_run(request, own_template(given["name"], given["line"]))
        made = keep_template(actor=person(request), **given)
    except (BadName, Conflict) as error:
        return _page(request, form, problem=error)
    messages.success(
        request, f"{made} can name a release now. It is never changed: another line is another version."
    )
    return redirect("corpus:names")


def _page(
    request: HttpRequest, form: NamingForm, *, problem: NocturneError | None = None, status: int = 200
) -> HttpResponse:
    own = NamingTemplate.objects.select_related("created_by")
    context = {
        "form": form,
        "problem": problem,
        "ours": [(name, template.path(EXAMPLE)) for name, template in sorted(TEMPLATES.items())],
        "own": [(one, own_template(str(one), one.line).path(EXAMPLE)) for one in own],
        "fields": [(name, field.meaning, field.numbers) for name, field in FIELDS.items()],
        "may_make": has_role(request.user, *MAKERS),
    }
    return render(request, "corpus/names.html", context, status=problem.status if problem else status)
