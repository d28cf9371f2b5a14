"""What a page may send."""

from typing import TYPE_CHECKING

from django import forms
from django.db.models import QuerySet

from annotation.policy import daily_limit
from annotation.services import COMPLAINTS
from core.models import User
from core.roles import Role
from lims.models import Tissue


class SubmitForm(forms.Form):
    active_s = forms.FloatField(required=False, min_value=0)


class ReturnForm(forms.Form):
    note = forms.CharField(max_length=500, label="Why")


class ComplaintForm(forms.Form):
    reason = forms.ChoiceField(
        choices=[(reason.value, reason.label) for reason in COMPLAINTS], label="What is wrong"
    )
    note = forms.CharField(max_length=500, required=False, label="In your words")


if TYPE_CHECKING:
    ModelChoiceField = forms.ModelChoiceField[User]
else:
    ModelChoiceField = forms.ModelChoiceField


def _readers() -> QuerySet[User]:
    return User.objects.filter(is_active=True, groups__name=Role.PATHOLOGIST).order_by("username")


class PersonField(ModelChoiceField):
    """One of the laboratory's people, by the name that the pages call them."""

    def label_from_instance(self, obj: User) -> str:
        return obj.display_name


class EnrolForm(forms.Form):
    user = PersonField(queryset=_readers(), label="Pathologist")
    tissues = forms.MultipleChoiceField(
        choices=Tissue.choices, label="Tissues", widget=forms.CheckboxSelectMultiple
    )
    limit = forms.IntegerField(
        min_value=0, max_value=daily_limit(), initial=daily_limit, label="Slides a day"
    )
    active = forms.BooleanField(required=False, initial=True, label="On the rota")
