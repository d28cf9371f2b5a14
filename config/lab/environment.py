"""What the laboratory's processes are told. The settings read these names and no others."""

import os
import sys
from collections.abc import Mapping

from config.lab.layout import CHECKOUT, Lab, secret_key

# A process with this variable was started by the supervisor of the laboratory it names.
MARK = "NOCTURNE_SUPERVISED_BY"
HEARTBEAT = "NOCTURNE_HEARTBEAT"
CANARY = "NOCTURNE_CANARY"


def scanner_endpoints(lab: Lab) -> str:
    """`name=command,events;name=command,events`."""
    return ";".join(
        f"{scanner.name}=tcp://127.0.0.1:{scanner.command_port},tcp://127.0.0.1:{scanner.events_port}"
        for scanner in lab.scanners
    )


def is_given(name: str, given: Mapping[str, str]) -> bool:
    """Whether a site has set this name itself, as a value or as a file that holds it (docker secrets)."""
    return bool(given.get(name) or given.get(f"{name}_FILE"))


def environment(lab: Lab, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of every process of `lab`.

    Names: NOCTURNE_VAR, SECRET_KEY, WEB_PORT, BROKER_URL, SLIDE_SERVICE_ENDPOINT, SLIDE_ROOT,
    SCANNER_ENDPOINTS. DATABASE_URL and VAULT_DATABASE_URL are passed on when given; not set means
    SQLite.
    What is `given` from outside (os.environ) wins, so a site points single parts elsewhere.
    """
    given = os.environ if given is None else given
    ours = {
        "BROKER_URL": f"redis+socket://{lab.broker_socket}",
        "SLIDE_SERVICE_ENDPOINT": f"tcp://127.0.0.1:{lab.slide_port}",
        "SLIDE_ROOT": str(lab.var / "slides"),
        "SCANNER_ENDPOINTS": scanner_endpoints(lab),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        # Many processes share the cores: one thread each in the numeric libraries is the faster choice.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    if not is_given("SECRET_KEY", given):
        ours["SECRET_KEY"] = secret_key(lab.var)
    ours = {name: value for name, value in ours.items() if not given.get(f"{name}_FILE")}
    chosen = {name: value for name, value in given.items() if value}
    path = os.pathsep.join(filter(None, (str(CHECKOUT), given.get("PYTHONPATH", ""))))
    fixed = {"NOCTURNE_VAR": str(lab.var), "WEB_PORT": str(lab.web_port), "PYTHONPATH": path}
    return ours | chosen | fixed | {"PYTHONUNBUFFERED": "1"}


def python() -> str:
    """This environment's interpreter."""
    return sys.executable
