"""What can go wrong at the instrument, as one tree.

    MicroscopeError                 code                 retryable
    ├── PlanInvalid                 plan_invalid         no
    ├── JobRefused                  job_refused          no      the command contradicts what the server knows
    │   ├── Busy                    busy                 yes     another job is on the stage
    │   ├── StaleFence              stale_fence          no      a newer owner has taken this job
    │   ├── UnknownJob              unknown_job          no
    │   └── NoHands                 no_hands             no      this scanner cannot place glass by itself
    ├── ClientLost                  client_lost          yes     nobody asked for too long: parked
    ├── SinkFailed                  slide_service        yes     the slide service did not take the pixels
    │   └── SinkFull                disk_full            yes
    └── ScannerError                other                no
        ├── EmptySlot               empty_slot           no
        ├── Jam                     jam                  yes
        ├── LampFailure             lamp                 yes
        ├── StageFault              stage_fault          yes
        ├── FocusFailed             no_focus_points      no
        ├── Blurred                 blurred              yes
        ├── FieldsMissing           missing_fields       yes
        ├── MessagesLost            lost_messages        yes
        ├── Stalled                 stall                yes
        ├── PowerCut                power_cut            yes
        ├── BarcodeUnreadable       barcode_unreadable   no
        └── BarcodeMismatch         barcode_mismatch     no

``code`` is stable: it travels in ``JobFailed`` and is the failure reason of a scan attempt. ``retryable``
means that the same slide may well succeed when it is tried again untouched.
"""

from typing import ClassVar


class MicroscopeError(Exception):
    """Base of everything that this package raises on purpose."""

    code: ClassVar[str] = "other"
    retryable: ClassVar[bool] = False


class PlanInvalid(MicroscopeError, ValueError):
    """A scan plan that cannot be carried out; the message names the field at fault."""

    code = "plan_invalid"


class JobRefused(MicroscopeError):
    """A command that contradicts what the scanner's server knows."""

    code = "job_refused"


class Busy(JobRefused):
    """Another job is on the stage."""

    code = "busy"
    retryable = True


class StaleFence(JobRefused):
    """The job has been taken over by a client with a higher fence."""

    code = "stale_fence"


class UnknownJob(JobRefused):
    """The server has never heard of the job, or has forgotten it since it was restarted."""

    code = "unknown_job"


class NoHands(JobRefused):
    """The scanner has no capability "hands": a person places its glass."""

    code = "no_hands"


class ClientLost(MicroscopeError):
    """No request came for too long while scanning, so the instrument parked itself."""

    code = "client_lost"
    retryable = True


class SinkFailed(MicroscopeError):
    """The slide service is away or refused the pixels."""

    code = "slide_service"
    retryable = True


class SinkFull(SinkFailed):
    """The slide service has no room left."""

    code = "disk_full"


class ScannerError(MicroscopeError):
    """Base of the instrument's own faults."""


class EmptySlot(ScannerError):
    """No glass in the slot."""

    code = "empty_slot"


class Jam(ScannerError):
    """The glass did not travel between carousel and stage."""

    code = "jam"
    retryable = True


class LampFailure(ScannerError):
    """The light source is out."""

    code = "lamp"
    retryable = True


class StageFault(ScannerError):
    """The stage did not reach the position."""

    code = "stage_fault"
    retryable = True


class FocusFailed(ScannerError):
    """Autofocus found no plane at a point, or at too few points for a surface."""

    code = "no_focus_points"


class Blurred(ScannerError):
    """The focus drifted away during the scan, so the pictures are not sharp."""

    code = "blurred"
    retryable = True


class FieldsMissing(ScannerError):
    """The camera delivered no picture for a field, also when asked again."""

    code = "missing_fields"
    retryable = True


class MessagesLost(ScannerError):
    """Messages between the instrument's parts were lost."""

    code = "lost_messages"
    retryable = True


class Stalled(ScannerError):
    """The instrument stopped answering."""

    code = "stall"
    retryable = True


class PowerCut(ScannerError):
    """The instrument lost its power in the middle of something."""

    code = "power_cut"
    retryable = True


class BarcodeUnreadable(ScannerError):
    """No barcode could be read from the label photograph."""

    code = "barcode_unreadable"


class BarcodeMismatch(ScannerError):
    """The glass on the stage carries another barcode than the one expected there."""

    code = "barcode_mismatch"
