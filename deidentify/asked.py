"""What a form of these pages asks, read with care."""

from django.http import HttpRequest

from core.errors import BadInput


def whole_number(request: HttpRequest, name: str) -> int:
    """A field of the form, 0 or more. Raises BadInput."""
    given = request.POST.get(name, "")
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise BadInput(f"The {name} is a whole number.", field=name)
    return int(given)
