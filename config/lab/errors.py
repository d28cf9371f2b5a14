"""What can go wrong around the processes.

LabError
├── AlreadyUp          another supervisor holds this laboratory's folder
├── NotReady           a process did not answer in time
├── PreparationFailed  a step before the processes (migrations, first data) failed
├── Unusable           the folder, a port or a setting cannot be used
└── UnknownProcess     the table has no process of that name
"""

from typing import ClassVar


class LabError(Exception):
    code: ClassVar[str] = "lab"
    retryable: ClassVar[bool] = False


class AlreadyUp(LabError):
    code = "already_up"


class NotReady(LabError):
    code = "not_ready"
    retryable = True


class PreparationFailed(LabError):
    code = "preparation_failed"


class Unusable(LabError):
    code = "unusable"


class UnknownProcess(LabError):
    code = "unknown_process"
