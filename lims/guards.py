"""Who may do what with the record: named once, for the pages and the API alike."""

from core.roles import EVERYONE, Role

ANYONE = EVERYONE
RECORD = (Role.TECHNICIAN, Role.MANAGER, Role.STEWARD, Role.ADMINISTRATOR)  # sees who the patient is
BENCH = (Role.TECHNICIAN, Role.MANAGER, Role.ADMINISTRATOR)
HANDS = (Role.TECHNICIAN, Role.ADMINISTRATOR)  # registers slides and loads them
KEEPERS = (Role.ADMINISTRATOR,)
