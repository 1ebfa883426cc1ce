"""What is no HTTP to the web server's parser is answered with a problem of the catalogue too."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tallystick.entry.http.envelope import CONTENT_POLICY

HOST = b"\r\nHost: a\r\n"


@pytest.fixture
def site(shared_site):
    return shared_site


def answered(site: Any, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the one answer to raw bytes, after which the server hangs up."""
    address = (site.client.base_url.host, site.client.base_url.port)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(sent)
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = got.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert int(headers["content-length"]) == len(body)
    return int(status.split(" ")[1]), headers, body


@pytest.mark.parametrize(
    "method", [b"FOO", b"get", b"Post", b"GETX", b"DESCRIBE", b"M!", b"X" * 99]
)
@pytest.mark.parametrize(
    ("target", "status", "allow"),
    [
        (b"/v1/inquiries", 405, "post"),
        (b"/v1/meta?x=1", 405, "get, head"),
        (b"/v1/nothing", 404, None),
    ],
)
def test_a_method_nobody_knows_is_one_that_is_not_taken(site, method, target, status, allow):
    body = b"Content-Length: 2\r\n\r\n{}"
    found, headers, said = answered(site, method + b" " + target + b" HTTP/1.1" + HOST + body)
    assert (found, headers.get("allow")) == (status, allow)
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(said)["instance"] == headers["request-id"]
    assert method not in said


def test_a_browsers_is_answered_by_a_page_in_its_language(site):
    wants = b"Accept: text/html\r\nAccept-Language: zh\r\n\r\n"
    found, headers, said = answered(site, b"BREW / HTTP/1.1" + HOST + wants)
    assert (found, headers["content-language"]) == (405, "zh-hans")
    assert b"<html" in said


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00", b"hello\r\n\r\n", b"FO", b"F(O / HTTP/1.1\r\n\r\n",
        b"FOO /\r\n\r\n", b"FOO / HTTP/2.0\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n", b"FOO /\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1" + HOST + b"Content-Length: x\r\n\r\n",
        b"FOO / HTTP/1.1" + HOST + b"Content-Length: x\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_is_told_so_as_a_problem(site, sent):
    status, headers, said = answered(site, sent)
    told = json.loads(said)
    assert (status, told["status"], told["code"]) == (400, 400, "malformed_http")
    assert headers["content-type"] == "application/problem+json"
    assert headers["content-security-policy"] == CONTENT_POLICY.lower()
    assert told["instance"] == headers["request-id"]


@pytest.mark.parametrize("method", [b"GET", b"FOO"])
@pytest.mark.parametrize("after", [b"", b"\x16\x03", b"FOO /v1/meta HTTP/1.1" + HOST + b"\r\n"])
def test_what_follows_a_request_does_not_cut_its_answer(site, method, after):
    line = method + b" /livez HTTP/1.1" + HOST + b"Connection: close\r\n\r\n"
    status, headers, body = answered(site, line + after)
    assert (status, headers["connection"]) == (200 if method == b"GET" else 405, "close")
    assert body.count(b"{") == 1


def test_a_body_that_breaks_off_is_told_so(site):
    head = b"POST /v1/inquiries HTTP/1.1" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    status, _, body = answered(site, head + b"FOO / HTTP/1.1" + HOST + b"\r\n")
    assert (status, json.loads(body)["code"]) == (400, "malformed_http")
