"""The whole chain on one screen: when a slide enters a state, this is what follows, and what is done beside
it. Nothing else starts work.
"""

from lims.states import State

# What takes the slide on its way: where that was lost, it is asked for again.
FOLLOWS: dict[str, str] = {
    State.SCANNED: "deidentify.deidentify_slide",
    State.DEIDENTIFIED: "annotation.assign_slide",
}

# What the slide does not wait for.
BESIDE: dict[str, str] = {
    State.DEIDENTIFIED: "corpus.index_slide",
    State.READ: "corpus.index_slide",
    State.WITHDRAWN: "corpus.bury",
}

# Asked every 15 s, by beat and by the relay: each finds what stopped and puts it right.
RECONCILERS: tuple[str, ...] = (
    "scanning.services.reconcile",
    "lims.services.pipeline.reconcile",
    "annotation.services.reconcile",
    "corpus.services.reconcile",
    "overview.services.report_nights",
)
