"""What a page may send."""

from django import forms

from corpus.naming import TEMPLATES
from corpus.services.deciding import LICENCES


class ReleaseForm(forms.Form):
    template = forms.ChoiceField(choices=[(name, name) for name in TEMPLATES], label="Naming template")
    small_cells_reason = forms.CharField(
        required=False,
        max_length=500,
        label="Why small groups of patients leave all the same",
        widget=forms.Textarea({"rows": 2}),
    )
    licence = forms.ChoiceField(choices=[(name, name) for name in LICENCES])


class WithdrawForm(forms.Form):
    name = forms.CharField(label="Record number, accession or barcode", max_length=64)
    reason = forms.CharField(label="Why it is withdrawn", max_length=200, required=False)
