"""Requests in lasting threads: one thread each, few in all, and none is lost by a page that fails."""

import asyncio
import threading
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from core.serving import LastingThreads

pytestmark = pytest.mark.django_db(transaction=True)  # Django's signals look after its connections


class Notes:
    """A layer of middleware that says where it ran."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        response = self.get_response(request)
        response["X-Layer"] = threading.current_thread().name
        return response


def where(request: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a page of ours is wrong")


urlpatterns = [path("where", where), path("fails", fails)]
SITE = override_settings(
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", f"{__name__}.Notes"],
)


async def ask(application: LastingThreads, address: str) -> tuple[int, dict[bytes, bytes], str]:
    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": address, "query_string": b"", "headers": headers}
    talk = ApplicationCommunicator(application, scope)
    await talk.send_input({"type": "http.request", "body": b""})
    start = await talk.receive_output(10)
    body = await talk.receive_output(10)
    await talk.wait(10)
    return start["status"], dict(start["headers"]), body["body"].decode()


@SITE
def test_the_layers_and_the_page_share_one_thread() -> None:
    status, headers, name = asyncio.run(ask(LastingThreads(), "/where"))
    assert status == 200
    assert name.startswith("request_")
    assert headers[b"X-Layer"].decode() == name


@SITE
def test_many_requests_at_once_need_few_threads() -> None:
    async def crowd() -> set[str]:
        application = LastingThreads(threads=3)
        answers = await asyncio.gather(*(ask(application, "/where") for _ in range(60)))
        return {name for _, _, name in answers}

    assert len(asyncio.run(crowd())) <= 3


@SITE
def test_a_page_that_fails_costs_its_own_answer_only(caplog: pytest.LogCaptureFixture) -> None:
    async def twice() -> tuple[int, int]:
        application = LastingThreads(threads=1)
        failed, _, _ = await ask(application, "/fails")
        status, _, _ = await ask(application, "/where")
        return failed, status

    assert asyncio.run(twice()) == (500, 200)
    assert "/fails" in caplog.text


@SITE
def test_what_is_not_http_is_refused() -> None:
    with pytest.raises(ValueError, match="websocket"):
        asyncio.run(LastingThreads()({"type": "websocket"}, None, None))
