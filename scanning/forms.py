"""What the scanner room's pages send."""

import json
from typing import Any

from django import forms

from microscope import Rect
from scanning.models import Scanner
from scanning.services import Review

MOST_BYTES = 20_000


class StartSnapshots(forms.Form):
    scanner = forms.ModelChoiceField(queryset=Scanner.objects.all(), empty_label=None)


class ReviewForm(forms.Form):
    """Area and points as JSON in stage µm: {"area": [x, y, width, height], "points": [[x, y], …]}."""

    content = forms.CharField(max_length=MOST_BYTES)
    version = forms.IntegerField(min_value=1)
    seconds = forms.FloatField(min_value=0, required=False)

    def clean_content(self) -> dict[str, Any]:
        try:
            content = json.loads(self.cleaned_data["content"])
            area = [float(number) for number in content["area"]]
            points = [(float(x), float(y)) for x, y in content["points"]]
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise forms.ValidationError("The scan area and the points could not be read.") from error
        if len(area) != 4:
            raise forms.ValidationError("A scan area is x, y, width and height.")
        return {"area": Rect(*area), "points": points}

    def review(self) -> Review:
        return Review(
            area=self.cleaned_data["content"]["area"],
            points=self.cleaned_data["content"]["points"],
            version=self.cleaned_data["version"],
            seconds=self.cleaned_data.get("seconds") or 0.0,
        )
