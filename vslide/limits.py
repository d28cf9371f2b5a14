"""How large an untrusted file may say that it is, whatever its format."""

MAX_DECLARED_BYTES = 1 << 44
MAX_RATIO = 2000
RATIO_FLOOR_BYTES = 1 << 30


def too_large(declared: int, stored: int) -> str:
    """Why `declared` bytes of pixels cannot be in `stored` bytes of the file; empty when they can."""
    if declared > MAX_DECLARED_BYTES:
        return f"declares {declared} bytes"
    if declared > RATIO_FLOOR_BYTES and declared > MAX_RATIO * max(1, stored):
        return f"declares {declared} bytes and stores {stored}"
    return ""
