"""What a page may send."""

from django import forms

from core.errors import BadInput
from corpus.patterns import MOST_SIGNS
from corpus.queries import template_names
from corpus.search import Wanted
from corpus.search.words import LONGEST
from corpus.services.deciding import LICENCES
from lims.models import Tissue


def _templates() -> list[tuple[str, str]]:
    return [(name, name) for name in template_names()]


class ReleaseForm(forms.Form):
    template = forms.ChoiceField(choices=_templates, label="Naming template")
    small_cells_reason = forms.CharField(
        required=False,
        max_length=500,
        label="Why small groups of patients leave all the same",
        widget=forms.Textarea({"rows": 2}),
    )
    licence = forms.ChoiceField(choices=[(name, name) for name in LICENCES])


class SearchForm(forms.Form):
    q = forms.CharField(required=False, max_length=LONGEST, strip=True)
    tissue = forms.ChoiceField(required=False, choices=[("", "Every tissue"), *Tissue.choices])
    stain = forms.CharField(required=False, max_length=60)
    label = forms.CharField(required=False, max_length=100)
    year = forms.IntegerField(required=False, min_value=1900, max_value=2200)
    released = forms.BooleanField(required=False)
    order = forms.ChoiceField(required=False, choices=[("", "Best first"), ("newest", "Newest first")])

    def wanted(self) -> Wanted:
        """What is looked for. Raises BadInput for what no such search has."""
        if not self.is_valid():
            raise BadInput("This search cannot be made.", fields=self.errors)
        given = self.cleaned_data
        return Wanted(
            words=given["q"],
            tissue=given["tissue"],
            stain=given["stain"],
            label=given["label"],
            year=given["year"],
            released=given["released"],
            newest_first=given["order"] == "newest",
        )


class WithdrawForm(forms.Form):
    name = forms.CharField(label="Record number, accession or barcode", max_length=64)
    reason = forms.CharField(label="Why it is withdrawn", max_length=200, required=False)


class NamingForm(forms.Form):
    name = forms.CharField(max_length=30)
    line = forms.CharField(
        max_length=MOST_SIGNS, label="How a path is made", widget=forms.Textarea({"rows": 3, "class": "mono"})
    )
