"""``python -m microscope serve|status|conformance``."""

import argparse
import logging
import pkgutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec

from microscope import conformance
from microscope.client import ScannerClient
from microscope.clock import ScaledClock
from microscope.drivers.base import Driver, Hands
from microscope.drivers.simulated import SimulatedDriver
from microscope.errors import MicroscopeError
from microscope.job import ClosableSink
from microscope.messages import Scan
from microscope.server import CLIENT_TIMEOUT_S, ScannerServer
from vslide.sink import ProxySink
from wire import Insecure, Security, WireError

log = logging.getLogger(__name__)

_MICRO_MANAGER = "microscope.drivers.micromanager:open_rig"
"""Named, not imported: it needs the extra [micromanager]."""


def make_driver(options: argparse.Namespace) -> tuple[Driver, Hands | None]:
    """Raises ``ImportError`` where a driver's extra is not installed, ``MicroscopeError``, ``OSError``."""
    if options.driver == "micromanager":
        open_rig: Callable[[Path], Driver] = pkgutil.resolve_name(_MICRO_MANAGER)
        return open_rig(options.rig), None
    driver = SimulatedDriver(
        options.seed,
        ScaledClock(options.time_scale),
        options.state,
        field_width=options.field[0],
        field_height=options.field[1],
        failure_rate=options.failure_rate,
        name=options.name,
    )
    return driver, driver


def proxy_opener(options: argparse.Namespace) -> Callable[[Scan], ClosableSink]:
    """How the pixel stream of a scan is opened: with our keys, where the slide service's key is given."""
    security = Security.of_client(options.keys, options.proxy_key) if options.proxy_key else None

    def open_proxy(command: Scan) -> ProxySink:
        return ProxySink(command.proxy, command.job_id, command.fence, security=security)

    return open_proxy


def security_of(options: argparse.Namespace) -> Security | None:
    if options.without_keys:
        return Security.off()
    return Security.of_server(options.keys, options.allow) if options.keys else None


def serve(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s scanner %(levelname)s %(message)s")
    cv2.setNumThreads(1)  # many scanners may share a machine; one core each is what they are given
    try:
        driver, hands = make_driver(options)
        server = ScannerServer(
            driver,
            options.endpoint,
            options.events,
            proxy_opener(options),
            client_timeout_s=options.client_timeout,
            security=security_of(options),
            hands=hands,
        )
    except (WireError, MicroscopeError, OSError, ImportError) as error:
        log.error("%s: %s", getattr(error, "code", type(error).__name__), error)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    print(
        f"scanner {driver.describe().name} ready at {server.endpoint}, events at {server.events_endpoint}",
        flush=True,
    )
    server.serve()
    return 0


def status(options: argparse.Namespace) -> int:
    try:
        with ScannerClient(options.endpoint, timeout_s=2.0, retries=1) as scanner:
            answer = {"info": scanner.describe(), "status": scanner.status()}
    except (WireError, OSError) as error:
        print(f"{options.endpoint}: {getattr(error, 'code', 'os_error')}: {error}", file=sys.stderr)
        return 1
    print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    return 0


def conform(options: argparse.Namespace) -> int:
    target = conformance.Target(
        address=options.endpoint,
        events=options.events,
        client_timeout_s=options.client_timeout,
        slot=options.slot,
        barcode=options.barcode,
        at_um=options.at,
        proxy=options.proxy,
        proxy_security=security_of(options),
        patience_s=options.patience,
    )
    findings = []
    try:
        for finding in conformance.check_all(target, only=options.only):
            findings.append(finding)
            if not options.json:
                print(finding, flush=True)
    except (ValueError, Insecure, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    failed = sum(finding.problem is not None for finding in findings)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode())
    else:
        print(conformance.summary(findings))
    return 1 if failed else 0


def _pair(separator: str, kind: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    def parse(text: str) -> tuple[float, ...]:
        first, second = text.split(separator)
        return kind(first), kind(second)

    return parse


def _side(text: str) -> int:
    """Of a camera: what chunks divide evenly, and enough of it to overlap."""
    side = int(text)
    if not 64 <= side <= 4096 or side % 8:
        raise argparse.ArgumentTypeError("a field has 64 to 4096 pixels a side, a multiple of 8")
    return side


def _add_keys(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--keys", type=Path, help=f"our CURVE key pair for {what} (python -m wire keys FILE)")
    parser.add_argument(
        "--allow",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="public keys of those who may connect, or folders of them; read anew for every connection",
    )
    parser.add_argument(
        "--without-keys", action="store_true", help="let everybody in who reaches us, also from the network"
    )


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    server = commands.add_parser("serve", help="run a scanner's process")
    server.set_defaults(command=serve)
    server.add_argument("--driver", choices=["simulated", "micromanager"], default="simulated")
    server.add_argument("--endpoint", default="tcp://127.0.0.1:5701")
    server.add_argument("--events", default="tcp://127.0.0.1:5702")
    server.add_argument("--state", type=Path, help="simulated: directory for what outlives the process")
    server.add_argument("--rig", type=Path, help="micromanager: TOML file that describes the microscope")
    server.add_argument("--seed", type=int, default=0)
    server.add_argument("--failure-rate", type=float, default=0.02)
    server.add_argument(
        "--time-scale", type=float, default=0.0, help="1 is real time, 0 does not wait at all"
    )
    server.add_argument(
        "--client-timeout", type=float, default=CLIENT_TIMEOUT_S, help="seconds without a request"
    )
    server.add_argument(
        "--field",
        type=_pair("x", _side),
        default=(512, 512),
        metavar="WIDTHxHEIGHT",
        help="simulated: the camera's pixels (512x512)",
    )
    server.add_argument("--name", default="simulated", help="simulated: what the scanner calls itself")
    server.add_argument(
        "--proxy-key", type=Path, metavar="FILE", help="the slide service's public key, for the pixel stream"
    )
    _add_keys(server, "commands and events")


def _add_conformance(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    kit = commands.add_parser("conformance", help="check any scanner against the protocol")
    kit.set_defaults(command=conform)
    kit.add_argument("--endpoint", required=True, help="tcp://host:port, or with ?keys=FILE&server=FILE")
    kit.add_argument("--events", help="its events' endpoint; without it they are not checked")
    kit.add_argument(
        "--client-timeout",
        type=float,
        metavar="SECONDS",
        help="the scanner's patience with a silent client; without it that is not checked",
    )
    kit.add_argument(
        "--slot",
        type=_pair("/", int),
        metavar="CAROUSEL/SLOT",
        help="where a person has put glass (a scanner with hands is given one by the kit)",
    )
    kit.add_argument("--barcode", default="", help="what that glass's label says")
    kit.add_argument(
        "--at", type=_pair(",", float), metavar="X,Y", help="stage µm where to scan; else on the tissue seen"
    )
    kit.add_argument("--proxy", default=conformance.PROXY, help="where the scanner shall send its pixels")
    kit.add_argument(
        "--patience", type=float, default=20.0, help="seconds that a field, an abort or an answer may take"
    )
    kit.add_argument("--only", nargs="+", default=[], metavar="NAME", help="make these checks only")
    kit.add_argument("--json", action="store_true")
    _add_keys(kit, "the pixel stream to us")


def _misused(options: argparse.Namespace) -> str:
    """What does not fit together; empty when all is well."""
    if options.command is status:
        return ""
    if bool(options.keys) != bool(options.allow):
        return "--keys and --allow belong together"
    if options.command is serve:
        if options.proxy_key and not options.keys:
            return "--proxy-key needs --keys"
        if (options.rig if options.driver == "micromanager" else options.state) is None:
            return "the simulated scanner needs --state, micromanager --rig"
    return ""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m microscope", description=__doc__)
    commands = parser.add_subparsers(required=True)
    _add_serve(commands)
    _add_conformance(commands)
    asked = commands.add_parser("status", help="what a scanner is and does")
    asked.set_defaults(command=status)
    asked.add_argument("--endpoint", required=True, help="tcp://host:port, or with ?keys=FILE&server=FILE")
    options = parser.parse_args(arguments)
    if problem := _misused(options):
        parser.error(problem)
    code: int = options.command(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
