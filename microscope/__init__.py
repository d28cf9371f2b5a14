"""The instrument: protocol, plan, runner, drivers, focus, and the simulated scanner's process.

Runs on an instrument PC alone. The laboratory uses ``ScannerClient``, ``ScanPlan`` and ``microscope.focus``.
"""

from microscope.client import ScannerClient, ScannerEvents
from microscope.errors import MicroscopeError, ScannerError
from microscope.messages import PROTOCOL, Glass, JobStatus, ScannerInfo, ScannerStatus, SnapshotResult
from microscope.plan import FocusPoint, PlannedField, Rect, ScanPlan

__all__ = [
    "PROTOCOL",
    "FocusPoint",
    "Glass",
    "JobStatus",
    "MicroscopeError",
    "PlannedField",
    "Rect",
    "ScanPlan",
    "ScannerClient",
    "ScannerError",
    "ScannerEvents",
    "ScannerInfo",
    "ScannerStatus",
    "SnapshotResult",
]
