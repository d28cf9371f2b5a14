"""The soak: a night of hundreds of slides through the real processes, while every kind of them is killed, the
broker and the database come and go, and the cable between scanners and slide writers is pulled.

`campaign` runs it and adds it up. The seed deals what is broken when; how real processes come through that is
not the same twice.
"""

from tests.faults.soak.campaign import Soak, campaign

__all__ = ["Soak", "campaign"]
