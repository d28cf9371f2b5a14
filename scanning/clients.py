"""Doors to the processes: the scanners and the slide service. Tests put fakes behind this one seam."""

from django.conf import settings

from core.errors import BadInput, NotNow, Unavailable
from microscope import MicroscopeError, ScannerInfo
from microscope.client import ScannerClient
from scanning.models import Scanner
from vslide.client import SlideService
from wire import RemoteError, WireError


class ScannerLost(Unavailable):
    """It fell silent over this piece of work, which may have been the cause."""

    code = "scanner_lost"


class ScannerAway(NotNow):
    """It does not even say who it is: whatever was to be done waits."""

    code = "scanner_lost"


class ScannerTaken(NotNow):
    """A person has it in hand."""

    code = "scanner_taken"


def scanner_client(name: str) -> ScannerClient:
    if name not in settings.SCANNER_ENDPOINTS:
        known = ", ".join(settings.SCANNER_ENDPOINTS) or "none"
        raise BadInput(f"No scanner is called {name} here (SCANNER_ENDPOINTS names: {known}).")
    commands, _ = settings.SCANNER_ENDPOINTS[name]
    return ScannerClient(commands, timeout_s=2.0, retries=1)


def info_of(client: ScannerClient) -> ScannerInfo:
    """Who the scanner is. Raises ScannerAway when it does not answer."""
    try:
        return client.describe()
    except WireError as error:
        raise ScannerAway(str(error)) from error


def slide_service() -> SlideService:
    return SlideService(settings.SLIDE_SERVICE_ENDPOINT)


def scanners() -> list[Scanner]:
    """The instruments that the settings name, as rows."""
    return [Scanner.objects.get_or_create(name=name)[0] for name in settings.SCANNER_ENDPOINTS]


def fault_of(error: WireError | MicroscopeError) -> tuple[str, str, bool]:
    """(code, message, retryable) of whatever a scanner's client raised."""
    if isinstance(error, RemoteError):
        return error.code, str(error), error.retryable
    if isinstance(error, WireError):
        return "scanner_lost", str(error), True
    return error.code, str(error), error.retryable
