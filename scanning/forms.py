"""What the scanner room's pages send."""

import json
from typing import Any, ClassVar

from django import forms

from lims.states import FailureReason
from microscope import Rect
from scanning.models import Scanner, ScanProfile, Snapshot
from scanning.services import Review

MOST_BYTES = 20_000


class StartSnapshots(forms.Form):
    scanner = forms.ModelChoiceField(queryset=Scanner.objects.all(), empty_label=None)


class RefuseForm(forms.Form):
    """Why a glass cannot be scanned as it is."""

    reason = forms.ChoiceField(choices=FailureReason.choices)
    note = forms.CharField(max_length=500, required=False)
    seconds = forms.FloatField(min_value=0, required=False)

    def clean_seconds(self) -> float:
        return self.cleaned_data["seconds"] or 0.0


class ReviewForm(forms.Form):
    """Area and points as JSON in stage µm: {"area": [x, y, width, height], "points": [[x, y], …]}."""

    content = forms.CharField(max_length=MOST_BYTES)
    profile = forms.ModelChoiceField(queryset=ScanProfile.objects.all(), required=False)
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

    def chooses(self, snapshot: Snapshot) -> bool:
        """Whether the glass is to be scanned by another profile than before."""
        return "profile" in self.data and self.cleaned_data["profile"] != snapshot.profile

    def review(self) -> Review:
        return Review(
            area=self.cleaned_data["content"]["area"],
            points=self.cleaned_data["content"]["points"],
            version=self.cleaned_data["version"],
            seconds=self.cleaned_data.get("seconds") or 0.0,
        )


class NamesField(forms.CharField):
    """Names, parted by commas; kept as a list."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        return [name.strip() for name in (value or "").split(",") if name.strip()]

    def run_validators(self, value: Any) -> None:
        """The model's own validators look at the list."""


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's own takes none while it runs
    channels = NamesField(
        required=False,
        help_text="Of fluorescence, parted by commas: DAPI, FITC. Empty: all that the scanner has.",
    )

    class Meta:
        model = ScanProfile
        fields = (
            "name", "stains", "priority", "active", "encoding", "overlap",
            "channels", "colours", "layers", "layer_step_um", "times",
        )  # fmt: skip
        labels: ClassVar = {
            "stains": "Stains",
            "layers": "Focus layers",
            "layer_step_um": "Distance of layers (µm)",
            "times": "Time points",
            "colours": "Order of colours",
            "overlap": "Overlap",
            "active": "In use",
        }
        help_texts: ClassVar = {
            "stains": "A pattern (regular expression) sought in the stain’s name: ^H&E, IHC, IF.",
            "encoding": "JPEG makes brightfield slides eight times as small. Fluorescence: lossless.",
            "overlap": "Share of a field that its neighbour repeats, 0 to 0.5.",
            "priority": "The lowest that fits is taken.",
            "colours": "All colours of a field, then the next; or the whole mosaic in each colour.",
            "layers": "1 to 25, evenly around the focus.",
            "times": "The whole area, so many times.",
        }

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields as they are shown."""
        return [
            ("For which glasses", [self[name] for name in ("name", "stains", "priority", "active")]),
            ("Pictures", [self[name] for name in ("encoding", "overlap", "channels", "colours")]),
            ("Depth and time", [self[name] for name in ("layers", "layer_step_um", "times")]),
        ]

    def draft(self) -> ScanProfile:
        """What was sent, as a profile that nobody keeps."""
        return ScanProfile(
            **{name: value for name, value in self.cleaned_data.items() if name in self.fields}
        )
