"""Who may enter the scanner room."""

from core.roles import Role

HANDS = (Role.TECHNICIAN, Role.ADMINISTRATOR)
LOOKERS = (*HANDS, Role.MANAGER)
