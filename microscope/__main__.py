"""``python -m microscope serve|status|conformance``."""

import argparse
import logging
import signal
import sys
from pathlib import Path

import cv2
import msgspec

from microscope import conformance
from microscope.client import ScannerClient
from microscope.clock import ScaledClock
from microscope.drivers.simulated import SimulatedDriver
from microscope.messages import Scan
from microscope.server import CLIENT_TIMEOUT_S, ScannerServer
from vslide.sink import ProxySink
from wire import WireError


def open_proxy(command: Scan) -> ProxySink:
    return ProxySink(command.proxy, command.job_id, command.fence)


def serve(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s scanner %(levelname)s %(message)s")
    cv2.setNumThreads(1)  # many scanners may share a machine; one core each is what they are given
    driver = SimulatedDriver(
        options.seed,
        ScaledClock(options.time_scale),
        options.state,
        failure_rate=options.failure_rate,
        name=options.name,
    )
    server = ScannerServer(
        driver,
        options.endpoint,
        options.events,
        open_proxy,
        client_timeout_s=options.client_timeout,
        hands=driver,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    print(
        f"scanner {options.name} ready at {server.endpoint}, events at {server.events_endpoint}", flush=True
    )
    server.serve()
    return 0


def status(options: argparse.Namespace) -> int:
    try:
        with ScannerClient(options.endpoint, timeout_s=2.0, retries=1) as scanner:
            answer = {"info": scanner.describe(), "status": scanner.status()}
    except WireError as error:
        print(f"{options.endpoint}: {error.code}: {error}", file=sys.stderr)
        return 1
    print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    return 0


def conform(options: argparse.Namespace) -> int:
    failed = 0
    for check, problem in conformance.check_all(options.endpoint):
        failed += problem is not None
        print(f"ok    {check}" if problem is None else f"FAIL  {check}: {problem}", flush=True)
    print("conforms to protocol 1 as far as it was asked" if not failed else f"{failed} checks failed")
    return 1 if failed else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m microscope", description=__doc__)
    commands = parser.add_subparsers(required=True)
    server = commands.add_parser("serve", help="run a scanner's process")
    server.set_defaults(command=serve)
    server.add_argument("--driver", choices=["simulated"], default="simulated")
    server.add_argument("--endpoint", default="tcp://127.0.0.1:5701")
    server.add_argument("--events", default="tcp://127.0.0.1:5702")
    server.add_argument("--state", type=Path, required=True, help="directory for what outlives the process")
    server.add_argument("--seed", type=int, default=0)
    server.add_argument("--failure-rate", type=float, default=0.02)
    server.add_argument(
        "--time-scale", type=float, default=0.0, help="1 is real time, 0 does not wait at all"
    )
    server.add_argument(
        "--client-timeout", type=float, default=CLIENT_TIMEOUT_S, help="seconds without a request"
    )
    server.add_argument("--name", default="simulated")
    for name, command, help_text in (
        ("status", status, "what a scanner is and does"),
        ("conformance", conform, "check any endpoint against the protocol"),
    ):
        asked = commands.add_parser(name, help=help_text)
        asked.set_defaults(command=command)
        asked.add_argument("--endpoint", required=True)
    options = parser.parse_args(arguments)
    code: int = options.command(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
