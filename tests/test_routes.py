"""Every route × every role. A route that stands in no row fails, and so does a row without a route."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from core.roles import Role
from tests.conftest import CAST, person

T, P, M, S, A = Role.TECHNICIAN, Role.PATHOLOGIST, Role.MANAGER, Role.STEWARD, Role.ADMINISTRATOR
EVERYONE = {T, P, M, S, A}
RECORD = {T, M, S, A}
BENCH = {T, M, A}
HANDS = {T, A}
READERS = {P, A}
STEWARDS = {S, A}
OFFICE = {S, M, A}
ANYBODY = {*CAST}

# method and name → who may. Pages that answer to GET are asked by GET, the others by POST.
TABLE: dict[str, Set[str]] = {
    "GET login": ANYBODY,
    "POST logout": ANYBODY,
    "GET schema": EVERYONE,
    "GET api-docs": EVERYONE,
    "GET home": EVERYONE,
    "GET overview:figures": {M, A},
    "GET overview:behind": {M, A},
    "GET overview:table": {M, A},
    "GET overview:passport": RECORD,
    "GET overview:api-passport": RECORD,
    "GET lims:slides": EVERYONE,
    "GET lims:slide": EVERYONE,
    "POST lims:slide-move": EVERYONE,
    "GET lims:register": HANDS,
    "GET lims:import": HANDS,
    "POST lims:import-commit": HANDS,
    "POST lims:import-refused": HANDS,
    "GET lims:import-template": HANDS,
    "GET lims:cases": RECORD,
    "GET lims:case": RECORD,
    "GET lims:case-report": RECORD,
    "GET lims:batches": BENCH,
    "POST lims:batch-create": HANDS,
    "GET lims:batch": BENCH,
    "GET lims:batch-fragment": BENCH,
    "POST lims:batch-load": HANDS,
    "POST lims:batch-unload": HANDS,
    "POST lims:batch-load-file": HANDS,
    "POST lims:batch-rescan": HANDS,
    "GET lims:pull-list": BENCH,
    "GET lims:audit": {A},
    "GET scanning:night": BENCH,
    "GET scanning:night-events": BENCH,
    "POST scanning:start-snapshots": HANDS,
    "POST scanning:accept-safe": HANDS,
    "POST scanning:start-night": HANDS,
    "POST scanning:pause": HANDS,
    "POST scanning:resume": HANDS,
    "POST scanning:stop-scan": HANDS,
    "GET scanning:queue": BENCH,
    "POST scanning:queue-move": HANDS,
    "GET scanning:alerts": BENCH,
    "GET scanning:alert-strip": BENCH,
    "POST scanning:alert-see": BENCH,
    "GET scanning:reviews": BENCH,
    "GET scanning:morning": BENCH,
    "GET scanning:review": BENCH,
    "POST scanning:review-save": HANDS,
    "POST scanning:review-refuse": HANDS,
    "POST scanning:review-reopen": HANDS,
    "GET scanning:macro": BENCH,
    "GET scanning:label": BENCH,
    "GET scanning:qualities": BENCH,
    "GET scanning:quality": BENCH,
    "POST scanning:quality-accept": HANDS,
    "POST scanning:quality-refuse": HANDS,
    "GET scanning:quality-overview": BENCH,
    "GET scanning:quality-field": BENCH,
    "GET scanning:profiles": BENCH,
    "GET scanning:profile-new": HANDS,
    "GET scanning:profile": HANDS,
    "POST scanning:profile-estimate": HANDS,
    "GET scanning:imports": BENCH,
    "POST scanning:import-match": HANDS,
    "GET scanning:scanners": BENCH,
    "POST scanning:scanner-lock": HANDS,
    "GET viewer:slide": EVERYONE,
    "GET viewer:beside": EVERYONE,
    "GET viewer:header": EVERYONE,
    "GET viewer:histogram": EVERYONE,
    "GET viewer:chunks": EVERYONE,
    "GET viewer:tile": EVERYONE,
    "GET viewer:thumbnail": EVERYONE,
    "GET viewer:region": EVERYONE,
    "GET viewer:deep-zoom": EVERYONE,
    "GET viewer:deep-zoom-tile": EVERYONE,
    "GET viewer:detectors": EVERYONE,
    "GET viewer:detect": EVERYONE,
    "GET viewer:detect-tile": EVERYONE,
    "GET viewer:iiif": EVERYONE,
    "GET viewer:iiif-info": EVERYONE,
    "GET viewer:iiif-image": EVERYONE,
    "POST viewer:sign": EVERYONE,
    # an address signed by nobody opens for nobody; tests/viewer/test_signing.py signs them
    **{
        f"GET viewer:signed:{name}": set()
        for name in (
            "header",
            "histogram",
            "chunks",
            "tile",
            "thumbnail",
            "region",
            "deep-zoom",
            "deep-zoom-tile",
            "detectors",
            "detect",
            "detect-tile",
            "iiif",
            "iiif-info",
            "iiif-image",
        )
    },
    "GET annotation:worklist": READERS,
    "GET annotation:assignments": {M, A},
    "POST annotation:share": {M, A},
    "POST annotation:enrol": {M, A},
    "POST annotation:take": READERS,
    "GET annotation:reader": {P, M, A},
    "POST annotation:leave": {M, A},
    "POST annotation:leave-cancel": {M, A},
    "GET annotation:study-new": {M, A},
    "GET annotation:study": {M, A},
    "GET annotation:read": READERS,
    "POST annotation:sitting": READERS,
    "POST annotation:delegate": {P, M, A},
    "POST annotation:recuse": READERS,
    "POST annotation:opinion": READERS,
    "GET annotation:view": READERS,
    "POST annotation:submit": READERS,
    "POST annotation:return": {P, M, A},
    "POST annotation:complain": READERS,
    "GET annotation:export": {P, S, M, A},
    "GET annotation:mask": {P, S, M, A},
    "GET annotation:transfers": {P, S, M, A},
    "GET deidentify:list": STEWARDS,
    "GET deidentify:item": STEWARDS,
    "GET deidentify:reviews": STEWARDS,
    "GET deidentify:review": STEWARDS,
    "POST deidentify:decide": STEWARDS,
    "GET deidentify:report": EVERYONE,
    "POST deidentify:again": STEWARDS,
    "GET deidentify:cover": STEWARDS,
    "POST deidentify:cover-add": STEWARDS,
    "POST deidentify:cover-take-back": STEWARDS,
    "GET corpus:releases": OFFICE,
    "POST corpus:release-create": STEWARDS,
    "GET corpus:search": {P, S, M, A},
    "GET corpus:names": OFFICE,
    "POST corpus:names-keep": STEWARDS,
    "GET corpus:withdrawals": STEWARDS,
    "POST corpus:withdrawals": STEWARDS,
    "GET corpus:release": OFFICE,
    "POST corpus:release-approve": OFFICE,
    "POST corpus:release-discard": STEWARDS,
    "GET corpus:release-file": OFFICE,
    "GET api:patient-list": RECORD,
    "GET api:patient-detail": RECORD,
    "GET api:case-list": RECORD,
    "GET api:case-detail": RECORD,
    "GET api:slide-list": EVERYONE,
    "POST api:slide-list": HANDS,
    "GET api:slide-detail": EVERYONE,
    "POST api:slide-move": EVERYONE,
    "GET api:batch-list": BENCH,
    "POST api:batch-list": HANDS,
    "GET api:batch-detail": BENCH,
    "POST api:batch-load": HANDS,
    "POST api:batch-unload": HANDS,
    "POST api:batch-rescan": HANDS,
    "GET api:batch-slots": BENCH,
    "GET api:batch-preflight": BENCH,
    "GET api:scanner-list": BENCH,
    "GET api:scanner-detail": BENCH,
    "POST api:scanner-lock": HANDS,
    "POST api:scanner-unlock": HANDS,
    "GET api:snapshot-list": BENCH,
    "GET api:snapshot-detail": BENCH,
    "POST api:snapshot-accept": HANDS,
    "POST api:snapshot-review": HANDS,
    "GET api:night-list": BENCH,
    "POST api:night-list": HANDS,
    "GET api:night-detail": BENCH,
    "POST api:night-accept-safe": HANDS,
    "POST api:night-pause": HANDS,
    "POST api:night-resume": HANDS,
    "POST api:night-start": HANDS,
    "GET api:attempt-list": BENCH,
    "GET api:attempt-detail": BENCH,
    "POST api:attempt-stop": HANDS,
    "POST api:attempt-move": HANDS,
    "GET api:alert-list": BENCH,
    "GET api:alert-detail": BENCH,
    "POST api:alert-see": BENCH,
    "GET api:quality-list": BENCH,
    "GET api:quality-detail": BENCH,
    "POST api:quality-accept": HANDS,
    "POST api:quality-refuse": HANDS,
    "GET api:scan-profile-list": BENCH,
    "POST api:scan-profile-list": HANDS,
    "GET api:scan-profile-detail": BENCH,
    "PATCH api:scan-profile-detail": HANDS,
    "GET api:deidentified-slide-list": STEWARDS,
    "GET api:deidentified-slide-detail": STEWARDS,
    "GET api:deidentified-report-list": STEWARDS,
    "GET api:deidentified-report-detail": STEWARDS,
    "GET api:annotations-list": {P, M, S, A},
    "GET api:annotations-desk": {P, M, S, A},
    "POST api:annotations-list": READERS,
    "POST api:annotations-detect": READERS,
    "PATCH api:annotations-detail": READERS,
    "DELETE api:annotations-detail": READERS,
    "GET api:assignments-list": {P, M, A},
    "GET api:assignments-detail": {P, M, A},
    "POST api:assignments-return": {P, M, A},
    "POST api:assignments-take": READERS,
    "GET api:assignments-colleagues": {P, M, A},
    "POST api:assignments-delegate": {P, M, A},
    "POST api:assignments-recuse": READERS,
    "POST api:assignments-opinion": READERS,
    "POST api:assignments-submit": READERS,
    "GET api:search-list": {P, S, M, A},
    "GET api:releases-list": OFFICE,
    "POST api:releases-list": STEWARDS,
    "GET api:releases-detail": OFFICE,
    "POST api:releases-approve": OFFICE,
    "GET api:releases-files": OFFICE,
    "GET api:releases-since": OFFICE,
}

# what stands for each part of an address; nothing of the kind is in the record
SAMPLES = {"uuid": "00000000-0000-4000-8000-000000000000", "int": "999999"}


@dataclass(frozen=True)
class Route:
    name: str
    address: str
    methods: tuple[str, ...]  # of an API's view; empty for a page, which is asked


def walk(resolver: URLResolver, names: str = "", prefix: str = "/") -> Iterator[Route]:
    for entry in resolver.url_patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            space = f"{names}{entry.namespace}:" if entry.namespace else names
            yield from walk(entry, space, address)
        else:
            yield Route(f"{names}{entry.name}", filled(address), methods(entry))


def filled(address: str) -> str:
    plain = re.sub(
        r"\(\?P<\w+>(?:[^()\[\]]|\[[^\]]*\])*\)", "999999", address.replace("^", "").replace("$", "")
    )
    return re.sub(r"<(?:(\w+):)?\w+>", lambda part: SAMPLES.get(part[1], "none"), plain)


def methods(entry: URLPattern) -> tuple[str, ...]:
    return tuple(method.upper() for method in getattr(entry.callback, "actions", None) or ())


ROUTES = {route.name: route for route in walk(get_resolver())}


def test_it_knows_every_route():
    asked = {f"{method} {r.name}" for r in ROUTES.values() for method in r.methods if method != "HEAD"}
    pages = {r.name for r in ROUTES.values() if not r.methods}
    in_table = {row.partition(" ")[2] for row in TABLE}
    assert {row for row in TABLE if row.partition(" ")[2] not in ROUTES} == set(), "rows without a route"
    assert pages - in_table == set(), "pages without a row"
    assert asked - set(TABLE) == set(), "API methods without a row"


def test_it_fills_addresses_that_lead_where_they_should():
    for route in ROUTES.values():
        assert resolve(route.address).view_name == route.name


@pytest.mark.django_db(databases=["default", "vault"])
@pytest.mark.parametrize("row", TABLE)
def test_it_opens_each_door_to_its_roles_only(row: str) -> None:
    method, _, name = row.partition(" ")
    for who in CAST:
        client = Client(raise_request_exception=False)
        if who != "anonymous":
            client.force_login(person(who), backend="django.contrib.auth.backends.ModelBackend")
        response = client.generic(method, ROUTES[name].address)
        assert response.status_code < 500, (who, response.status_code)
        assert response.status_code != 405, (who, "the row names the wrong method")
        assert opened(response) == (who in TABLE[row]), (who, response.status_code)


def opened(response: HttpResponseBase) -> bool:
    to_login = response.status_code == 302 and "/login/?next=" in response.headers["Location"]
    return not to_login and response.status_code not in {401, 403}
