"""The shapes that people fill in."""

from django import forms
from django.utils import timezone

from lims.models import CAROUSELS, SLOTS, Patient, Slide, Tissue, code_validator
from lims.services import Accession
from lims.states import FailureReason


def _day() -> forms.DateInput:
    return forms.DateInput({"type": "date"}, format="%Y-%m-%d")


class RegisterForm(forms.Form):
    """One slide with its case and patient. The groups are the fieldsets of the page."""

    barcode = forms.CharField(
        max_length=64, validators=[code_validator], help_text="As printed on the label."
    )
    stain = forms.CharField(max_length=60, initial="H&E")
    cut = forms.ChoiceField(choices=Slide.Cut.choices, initial=Slide.Cut.LEVEL)
    cut_number = forms.IntegerField(min_value=1, max_value=999, initial=1)
    accession = forms.CharField(max_length=64, validators=[code_validator])
    tissue = forms.ChoiceField(choices=Tissue.choices)
    received = forms.DateField(initial=timezone.localdate, widget=_day())
    clinician = forms.CharField(max_length=120, required=False)
    site_code = forms.RegexField(
        r"^[0-9a-z]{2,8}\Z", initial="0a001", help_text="The part, as the corpus names it: 0a001, 0b001 …"
    )
    specimen = forms.CharField(max_length=200, required=False, help_text="What was taken, in words.")
    block = forms.CharField(max_length=16, initial="A1")
    mrn = forms.CharField(label="MRN", max_length=64, validators=[code_validator])
    family_name = forms.CharField(max_length=100)
    given_name = forms.CharField(max_length=100, required=False)
    birth_date = forms.DateField(required=False, widget=_day())
    sex = forms.ChoiceField(choices=Patient.Sex.choices, initial=Patient.Sex.UNKNOWN)

    GROUPS = (
        ("Slide", ("barcode", "stain", "cut", "cut_number")),
        ("Case", ("accession", "tissue", "received", "clinician", "site_code", "specimen", "block")),
        ("Patient", ("mrn", "family_name", "given_name", "birth_date", "sex")),
    )

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in self.GROUPS]

    def entry(self) -> Accession:
        return Accession(**self.cleaned_data)


class MoveForm(forms.Form):
    to = forms.CharField(max_length=12)
    reason = forms.ChoiceField(choices=[("", "—"), *FailureReason.choices], required=False)
    note = forms.CharField(max_length=500, required=False)


class BatchForm(forms.Form):
    name = forms.CharField(
        max_length=80, label="Name of the night", widget=forms.TextInput({"placeholder": "Night of …"})
    )


class LoadForm(forms.Form):
    """One barcode into one slot: a person's click or a keyboard reader's Enter."""

    carousel = forms.IntegerField(min_value=1, max_value=CAROUSELS)
    position = forms.IntegerField(min_value=1, max_value=SLOTS)
    barcode = forms.CharField(max_length=64)


class FileForm(forms.Form):
    file = forms.FileField(widget=forms.ClearableFileInput({"accept": ".csv,text/csv"}))


class FindSlides(forms.Form):
    q = forms.CharField(required=False, max_length=64, label="Barcode or accession")
    state = forms.CharField(required=False, max_length=12)
    tissue = forms.ChoiceField(required=False, choices=[("", "Every tissue"), *Tissue.choices])
    stain = forms.CharField(required=False, max_length=60)


class FindCases(forms.Form):
    q = forms.CharField(required=False, max_length=100, label="Accession, MRN or family name")
    tissue = forms.ChoiceField(required=False, choices=[("", "Every tissue"), *Tissue.choices])


class FindAudit(forms.Form):
    actor = forms.CharField(required=False, max_length=150, label="Who")
    action = forms.CharField(required=False, max_length=60, label="Did what")
    target = forms.CharField(required=False, max_length=120, label="To what")
