"""What a page may send."""

from django import forms

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


class EnrolForm(forms.Form):
    user = forms.ModelChoiceField(queryset=User.objects.none(), label="Pathologist")
    tissues = forms.MultipleChoiceField(
        choices=Tissue.choices, label="Tissues", widget=forms.CheckboxSelectMultiple
    )
    limit = forms.IntegerField(
        min_value=0, max_value=daily_limit(), initial=daily_limit, label="Slides a day"
    )
    active = forms.BooleanField(required=False, initial=True, label="On the rota")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        people = User.objects.filter(is_active=True, groups__name=Role.PATHOLOGIST).order_by("username")
        field = self.fields["user"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  declared above
        field.queryset = people
        field.label_from_instance = lambda user: user.display_name  # type: ignore[method-assign,attr-defined]
