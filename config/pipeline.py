"""The whole chain on one screen: when a slide enters a state, this is what follows. Nothing else starts
work.
"""

from lims.states import State

FOLLOWS: dict[str, str] = {
    State.SCANNED: "deidentify.deidentify_slide",
    State.DEIDENTIFIED: "annotation.assign_slide",
    State.WITHDRAWN: "corpus.bury",
}

# Asked every 15 s, by beat and by the relay: each finds what stopped and puts it right.
RECONCILERS: tuple[str, ...] = (
    "scanning.services.reconcile",
    "lims.services.pipeline.reconcile",
    "annotation.services.reconcile",
    "overview.services.report_nights",
)
