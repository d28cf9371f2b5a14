"""What can go wrong between formats.

ExchangeError
├── NotReadable         the bytes are not what they should be; says where
├── TooLarge            more than we read at once
└── UnsupportedFormat   a format we do not write (yet), or do not know
"""

from typing import ClassVar


class ExchangeError(Exception):
    code: ClassVar[str] = "exchange"
    retryable: ClassVar[bool] = False


class NotReadable(ExchangeError):
    code = "not_readable"


class TooLarge(ExchangeError):
    code = "too_large"


class UnsupportedFormat(ExchangeError):
    code = "unsupported_format"
