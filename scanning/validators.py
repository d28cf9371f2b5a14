"""What a field of ours may hold."""

import re

from django.core.exceptions import ValidationError


def valid_pattern(text: str) -> None:
    """A regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValidationError(f"This is no pattern: {error}.") from error


def channel_names(names: object) -> None:
    """A list of short names, none of them twice."""
    listed = names if isinstance(names, list) else [names]
    if not all(isinstance(name, str) and 0 < len(name) <= 32 for name in listed) or listed is not names:
        raise ValidationError("Channels are a list of names.")
    if len(set(listed)) != len(listed):
        raise ValidationError("A channel is named twice.")
