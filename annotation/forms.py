"""What a page may send."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet

from annotation.models import Reader, Study
from annotation.policy import SHIFT_HOURS, daily_limit
from annotation.services import COMPLAINTS
from core.models import User
from core.roles import Role
from lims.models import Tissue

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class SubmitForm(forms.Form):
    active_s = forms.FloatField(required=False, min_value=0)
    sitting = forms.UUIDField(required=False)
    answer = forms.CharField(
        required=False, max_length=500, label="Your answer", widget=forms.Textarea({"rows": 3})
    )


class SittingForm(forms.Form):
    client_id = forms.UUIDField()
    active_s = forms.FloatField(min_value=0)


class ReturnForm(forms.Form):
    note = forms.CharField(max_length=500, label="Why")


class RecuseForm(forms.Form):
    reason = forms.CharField(max_length=200, required=False)


class TakeForm(forms.Form):
    slide = forms.UUIDField()


class ComplaintForm(forms.Form):
    reason = forms.ChoiceField(
        choices=[(reason.value, reason.label) for reason in COMPLAINTS], label="What is wrong"
    )
    note = forms.CharField(
        max_length=500, required=False, label="In your words", widget=forms.Textarea({"rows": 2})
    )


if TYPE_CHECKING:
    UserChoice = forms.ModelChoiceField[User]
    ReaderChoice = forms.ModelChoiceField[Reader]
else:
    UserChoice = ReaderChoice = forms.ModelChoiceField


def _readers() -> QuerySet[User]:
    return User.objects.filter(is_active=True, groups__name=Role.PATHOLOGIST).order_by("username")


class PersonField(UserChoice):
    """One of the laboratory's people, by the name that the pages call them."""

    def label_from_instance(self, obj: User) -> str:
        return obj.display_name


class ColleagueField(ReaderChoice):
    def label_from_instance(self, obj: Reader) -> str:
        return obj.name


class ColleagueForm(forms.Form):
    """A colleague out of those who may have it; whoever is chosen is checked again by the service."""

    to = ColleagueField(queryset=Reader.objects.select_related("user"), label="Colleague")
    note = forms.CharField(max_length=500, required=False, label="A word to go with it")

    def __init__(self, *given: Any, among: list[Reader] | None = None, **more: Any) -> None:
        super().__init__(*given, **more)
        if among is not None:
            choice = self.fields["to"]
            assert isinstance(choice, ColleagueField)  # noqa: S101  declared above
            choice.queryset = Reader.objects.select_related("user").filter(pk__in=[one.pk for one in among])


class OpinionForm(ColleagueForm):
    note = None  # type: ignore[assignment]  # a question takes its place
    question = forms.CharField(max_length=500, label="Your question", widget=forms.Textarea({"rows": 2}))


class RotaForm(forms.Form):
    """How a reader stands on the rota."""

    tissues = forms.MultipleChoiceField(
        choices=Tissue.choices, label="Tissues", widget=forms.CheckboxSelectMultiple
    )
    limit = forms.IntegerField(
        min_value=0, max_value=daily_limit(), initial=daily_limit, label="Slides a day"
    )
    active = forms.BooleanField(required=False, initial=True, label="On the rota")


class EnrolForm(RotaForm):
    user = PersonField(queryset=_readers(), label="Pathologist")


def _hours_field(day: str) -> forms.FloatField:
    return forms.FloatField(
        min_value=0, max_value=SHIFT_HOURS, label=day, widget=forms.NumberInput({"step": "0.5"})
    )


class HoursForm(forms.Form):
    """The hours of reading on each day of the week."""

    def __init__(self, *given: Any, hours: list[float] | None = None, **more: Any) -> None:
        super().__init__(*given, **more)
        for number, day in enumerate(WEEK):
            self.fields[f"day{number}"] = _hours_field(day)
            self.fields[f"day{number}"].initial = f"{(hours or [0.0] * 7)[number]:g}"

    @property
    def hours(self) -> list[float]:
        return [float(self.cleaned_data[f"day{number}"]) for number in range(7)]


class LeaveForm(forms.Form):
    first = forms.DateField(label="From", widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label="Until, that day too", widget=forms.DateInput({"type": "date"}))
    note = forms.CharField(max_length=200, required=False, label="Note")


class StudyForm(forms.Form):
    name = forms.CharField(max_length=100, label="Name")
    question = forms.CharField(
        required=False,
        max_length=2000,
        label="What the readers are to find",
        widget=forms.Textarea({"rows": 3}),
    )
    tissues = forms.MultipleChoiceField(
        required=False,
        choices=Tissue.choices,
        label="Tissues (none chosen: every tissue)",
        widget=forms.CheckboxSelectMultiple,
    )
    stains = forms.CharField(
        required=False,
        max_length=200,
        label="Stains",
        help_text="Words sought in the stain's name, parted by commas; empty for every stain.",
    )
    priority = forms.IntegerField(
        min_value=0, max_value=9999, initial=100, label="Order", help_text="The lowest that fits is taken."
    )
    second_percent = forms.FloatField(
        min_value=0,
        max_value=100,
        initial=0,
        label="Read by two people, %",
        help_text="Drawn by the slide, blind.",
    )
    agreement = forms.FloatField(
        min_value=0,
        max_value=1,
        initial=0.6,
        label="Agreement wanted",
        help_text="Below this, 0 to 1, a third reader settles it.",
        widget=forms.NumberInput({"step": "0.05"}),
    )
    words = forms.CharField(
        required=False,
        max_length=10_000,
        label="Words to label with",
        help_text="One a line: label, colour, key. Such as: Tumour, #ff5533, t",
        widget=forms.Textarea({"rows": 8, "spellcheck": "false"}),
    )
    active = forms.BooleanField(required=False, initial=True, label="In use")

    @staticmethod
    def of(study: Study) -> "StudyForm":
        terms = (", ".join(filter(None, (term.label, term.colour, term.key))) for term in study.terms.all())
        return StudyForm(
            initial={
                "name": study.name,
                "question": study.question,
                "tissues": study.tissues,
                "stains": study.stains,
                "priority": study.priority,
                "second_percent": f"{100 * study.second_reads:g}",
                "agreement": study.agreement,
                "words": "\n".join(terms),
                "active": study.active,
            }
        )
