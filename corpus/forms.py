"""What a page may send."""

from django import forms

from corpus.naming import TEMPLATES
from corpus.services.deciding import LICENCES


class ReleaseForm(forms.Form):
    template = forms.ChoiceField(choices=[(name, name) for name in TEMPLATES], label="Naming template")
    licence = forms.ChoiceField(choices=[(name, name) for name in LICENCES])
