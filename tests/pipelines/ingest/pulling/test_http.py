"""What an API may answer wrongly, over real HTTP: each has an error that says so and shows no secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from starlette.responses import RedirectResponse, Response

from pipelines.carriers.pullers.base import RefusedByApi, Request, UnfitAnswer
from pipelines.ingest.pulling.http import ApiBusy, ApiUnreachable, HttpApi, HttpLimits, refuse_failure, retry_after_s
from tests.pipelines.carriers.pullers.served import answer
from tests.pipelines.ingest.pulling.serving import Served, cut_off, dripping, huge, serving

SECRET = "s3cret"
REQUEST = Request("things", f"bot{SECRET}/things", {"key": SECRET}, {"authorization": SECRET})


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(lambda request: answer({"path": request.path})) as running:
        yield running


def ask(served: Served, request: Request = REQUEST, **limits: float):
    bounds = HttpLimits(**limits) if limits else None  # type: ignore[arg-type]
    with HttpApi("hub", served.url, bounds) as http:
        return http.ask(request)


def test_a_request_has_its_path_query_headers_and_body(served):
    ask(served, Request("x", "a/b", {"q": "1 2"}, {"x-y": "z"}, {"n": 1}, method="POST"))
    got = served.requests[-1]
    assert (got.path, got.query, got.headers["x-y"], got.json) == ("a/b", {"q": "1 2"}, "z", {"n": 1})


@pytest.mark.parametrize(
    ("fault", "limits", "error", "words"),
    [
        (cut_off, {}, ApiUnreachable, "no complete answer to things"),
        (huge, {"body_bytes": 300_000}, UnfitAnswer, "larger than 300,000 bytes"),
        (dripping, {"whole_s": 0.5}, ApiUnreachable, "took too long"),
        (lambda: RedirectResponse("https://evil.example/x"), {}, RefusedByApi, "redirect to evil.example"),
        (lambda: RedirectResponse("/elsewhere"), {}, RefusedByApi, "redirect to 127.0.0.1"),
        (lambda: Response(b"no gzip", headers={"content-encoding": "gzip"}), {}, ApiUnreachable, "no complete answer"),
    ],
)
def test_what_is_no_answer_is_an_error_without_secrets(served, fault, limits, error, words, caplog):
    caplog.set_level(logging.INFO)
    served.faults.append(fault)
    with pytest.raises(error) as caught:
        ask(served, **limits)
    assert words in str(caught.value)
    logged = " ".join(one.getMessage() for one in caplog.records if not one.name.startswith("uvicorn"))
    assert SECRET not in str(caught.value) + repr(caught.value.__cause__) + repr(REQUEST) + logged


def test_an_address_where_nobody_answers_is_named_and_its_certificate_is_checked(served):
    with pytest.raises(ApiUnreachable, match=r"127\.0\.0\.1"), HttpApi("hub", "http://127.0.0.1:9") as http:
        http.ask(REQUEST)
    with pytest.raises(ApiUnreachable), HttpApi("hub", served.url.replace("http:", "https:")) as http:
        http.ask(REQUEST)


@pytest.mark.parametrize("path", ["//evil.example/x", "../admin", "a/../b", "a b", "a?b=1", "a#b", "a\r\nb", "é"])
def test_no_path_leads_to_another_host_or_out_of_the_base(served, path):
    with pytest.raises(UnfitAnswer, match="is not allowed"):
        ask(served, Request("x", path))


@pytest.mark.parametrize(
    ("status", "headers", "error", "after_s"),
    [
        (429, {"retry-after": "7"}, ApiBusy, 7),
        (429, {"retry-after": "Mon, 21 Sep 2026 14:13:30 GMT"}, ApiBusy, 10),
        (503, {"retry-after": "Mon, 21 Sep 2020 14:13:20 GMT"}, ApiBusy, 0),
        (500, {}, ApiBusy, None),
        (429, {"retry-after": "nan"}, ApiBusy, None),
        (599, {"retry-after": "soon"}, ApiBusy, None),
        (401, {}, RefusedByApi, None),
        (404, {}, RefusedByApi, None),
        (304, {}, UnfitAnswer, None),
    ],
)
def test_a_status_that_is_no_success_is_an_error_of_its_kind(status, headers, error, after_s):
    given = answer({}, status, 1_790_000_000, headers)
    told = retry_after_s(given.headers, given.now)
    assert told is None if after_s is None else told == pytest.approx(after_s, abs=0.01)
    with pytest.raises(error) as caught:
        refuse_failure("hub", REQUEST, given, None)
    assert SECRET not in str(caught.value)
    assert getattr(caught.value, "after_s", None) == told


def test_what_the_body_says_of_the_wait_comes_first():
    with pytest.raises(ApiBusy) as caught:
        refuse_failure("hub", REQUEST, answer({}, 429, headers={"retry-after": "7"}), 30)
    assert caught.value.after_s == 30
