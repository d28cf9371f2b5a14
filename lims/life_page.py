"""docs/life-of-a-slide.md, written from the table in `lims.states`: the page is never edited by hand."""

from lims.states import SYSTEM, TRANSITIONS, FailureReason, State, Transition, diagram

HEAD = """# The life of a slide

Written by `./nocturne manage life_of_a_slide` from `lims/states.py`, which is the whole truth: the buttons
on the pages, the API's choices and the tests come from the same table. Who is named beside a step may take
it; *the laboratory* is its own processes. A step marked † asks for a reason.

The picture leaves out what can happen nearly everywhere (hold, resume, reject, withdraw); the table has it.
"""
BESIDE = frozenset({"hold", "resume", "reject", "withdraw"})


def page() -> str:
    """The page as markdown: the picture, the states, each step and who may take it, why slides fail."""
    parts = [HEAD, f"```mermaid\n{diagram(without=BESIDE)}\n```\n", _states(), _steps(), _reasons()]
    return "\n".join(parts)


def _states() -> str:
    rows = [f"| `{state.value}` | {state.label} | {_onwards(state)} |" for state in State]
    return "\n".join(["## States", "", "| state | called | goes on to |", "|---|---|---|", *rows, ""])


def _onwards(state: State) -> str:
    targets = dict.fromkeys(t.target.value for t in TRANSITIONS if state in t.sources)
    return ", ".join(f"`{target}`" for target in targets) or "nothing: this is an end"


def _steps() -> str:
    rows = [
        f"| {_verb(step)} | {_from(step)} | `{step.target.value}` | {_who(step)} |"
        for step in TRANSITIONS
        if step.verb != "resume"
    ]
    back = next(step for step in TRANSITIONS if step.verb == "resume")
    rows.append(f"| resume | `held` | where it was held | {_who(back)} |")
    return "\n".join(["## Steps", "", "| step | from | to | who |", "|---|---|---|---|", *rows, ""])


def _verb(step: Transition) -> str:
    return f"{step.verb} †" if step.needs_reason else step.verb


def _from(step: Transition) -> str:
    return ", ".join(f"`{source.value}`" for source in step.sources)


def _who(step: Transition) -> str:
    return ", ".join("*the laboratory*" if who == SYSTEM else str(who) for who in step.who)


def _reasons() -> str:
    head = ["## Why a slide fails", "", "The fixed vocabulary; a note may stand beside it.", ""]
    rows = [f"| `{reason.value}` | {reason.label} |" for reason in FailureReason]
    return "\n".join([*head, "| code | meaning |", "|---|---|", *rows, ""])
