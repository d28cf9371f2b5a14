"""Studies: what is asked, with which words, and how often two people read."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from annotation import services
from annotation.forms import StudyForm
from annotation.models import Study
from annotation.views.common import PLANNERS, person
from core.errors import BadInput, NotFound
from core.roles import role_required


@require_http_methods(["GET", "POST"])
@role_required(*PLANNERS)
def new_study(request: HttpRequest) -> HttpResponse:
    return _study(request, None)


@require_http_methods(["GET", "POST"])
@role_required(*PLANNERS)
def study(request: HttpRequest, pk: int) -> HttpResponse:
    found = Study.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such study.")
    return _study(request, found)


def _study(request: HttpRequest, found: Study | None) -> HttpResponse:
    if request.method == "GET":
        form = StudyForm.of(found) if found else StudyForm()
        return render(request, "annotation/study.html", {"study": found, "form": form})
    form = StudyForm(request.POST)
    if form.is_valid():
        facts = dict(form.cleaned_data)
        facts["second_reads"] = facts.pop("second_percent") / 100
        try:
            words = services.read_words(facts.pop("words"))
            made = services.save_study(study=found, words=words, actor=person(request), **facts)
        except BadInput as error:
            form.add_error(str(error.detail.get("field", "name")), error.message)
        else:
            messages.success(request, f"{made.name} is saved with {len(words)} words.")
            return redirect("annotation:study", pk=made.pk)
    return render(request, "annotation/study.html", {"study": found, "form": form}, status=400)
