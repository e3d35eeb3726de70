"""Tests of the clock. They set the time and the time zone, and open no port."""

import gc
import os
import re
import runpy
import sys
import time
import weakref
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any
from unittest.mock import Mock, patch

from twisted.internet import address, error, protocol, testing
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web import http, server
from twisted.web.test.requesthelper import DummyRequest

import clock

NOW = 1798772645.9  # 2027-01-01T03:04:05.9Z
# The page at that time in Newfoundland, where it is still 2026.
PAGE = r"""<!DOCTYPE html>
<html lang="en">
<title>Clock</title>
<meta name="viewport" content="width=device-width">
<body>
<time datetime="2027-01-01T03:04:05Z">Thu Dec 31 23:34:05 2026</time>
</html>
"""

# The tests of the site serve a page of their own, so that clock.PAGE may change.
BODY = "2027-01-01T03:04:05Z °\n" * 2
HEADERS = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
    f"Cache-Control: no-store\r\nContent-Length: {len(BODY.encode())}\r\n\r\n"
)
NOT_ALLOWED = (
    "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 42\r\n\r\n"
    "This is a clock: GET it to read the time.\n"
)
# Header fields and a body that do not change the answer.
FIELDS = (
    b"Host: example.org\r\nUser-Agent: Mozilla/5.0 (compatible; bot) curl/8.5\r\n"
    b"Accept: application/json, text/plain\r\nAccept-Encoding: gzip\r\n"
    b"Accept-Language: de\r\nCookie: session=%b\r\nOrigin: https://example.org\r\n"
    b"If-Modified-Since: Wed, 31 Dec 2036 23:59:59 GMT\r\nIf-None-Match: *\r\n"
    b"Range: bytes=0-9\r\nX-Forwarded-For: 192.0.2.1\r\n"
    b"Content-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc"
) % (b"x" * 8000)
GET = b"GET / HTTP/1.1\r\n\r\n"
TARGETS = b"/ /a/../b //%2e http://a/ /favicon.ico /robots.txt /?tz=UTC /\x80".split()
METHODS = b"POST PUT PATCH DELETE CONNECT OPTIONS TRACE BREW get head".split()


def setZone(test: SynchronousTestCase, zone: str) -> None:
    """Set the time zone for the rest of a test, to a POSIX TZ string."""
    environ = patch.dict(os.environ, TZ=zone)
    environ.start()
    test.addCleanup(time.tzset)
    test.addCleanup(environ.stop)
    time.tzset()


class ClockPageTests(SynchronousTestCase):
    """Tests of the page alone."""

    maxDiff = None
    page = clock.ClockPage()

    def render(self, moment: float) -> str:
        """Return the page that is made at a moment, from one reading of the clock."""
        self.patch(time, "time", iter([moment]).__next__)  # Not to be read twice.
        request: Any = DummyRequest([])
        request.path = b"/"  # A changed page may look at these.
        request.client = address.IPv4Address("TCP", "127.0.0.1", 50000)
        request.addArg(b"tz", b"UTC")
        request.render(self.page)
        return b"".join(request.written).decode()

    def test_page(self) -> None:
        """The page is HTML with the time, made anew for each request."""
        setZone(self, "NST3:30NDT,M3.2.0,M11.1.0")
        self.assertEqual(self.render(NOW), PAGE)
        self.assertEqual(self.render(NOW + 0.1), PAGE.replace(":05", ":06"))
        self.assertEqual(self.render(NOW), PAGE)

    def test_summer(self) -> None:
        """The text follows daylight saving time."""
        setZone(self, "CHAST-12:45CHADT,M9.5.0/2:45,M4.1.0/3:45")  # Chatham Islands
        self.patch(clock, "PAGE", "{local}\n" * 2)
        self.assertEqual(self.render(NOW), "Fri Jan  1 16:49:05 2027\n" * 2)

    def test_literal(self) -> None:
        """All text in PAGE but {utc} and {local} is served as it stands, in UTF-8."""
        self.patch(clock, "PAGE", r"{} {0} {x} {{ %% %s %Y $$ $x ${x} \1 Café 時計 °")
        self.assertEqual(self.render(NOW), clock.PAGE)

    def test_notBytes(self) -> None:
        """What GET returns is also returned for HEAD, if it is not bytes."""
        request: Any = DummyRequest([])
        for page in server.NOT_DONE_YET, "a str", None:
            self.patch(self.page, "render_GET", Mock(return_value=page))
            self.assertIs(self.page.render_HEAD(request), page)


class ClockSiteTests(SynchronousTestCase):
    """Tests of the site that main serves: its answers, and what it keeps."""

    maxDiff = None
    site: Any

    def setUp(self) -> None:
        setZone(self, "JST-9")
        self.patch(clock, "PAGE", "{utc} °\n" * 2)
        self.patch(time, "time", lambda: NOW)
        self.output = StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.output)
        self.reactor = testing.MemoryReactorClock()
        clock.main(self.reactor)
        self.site = self.reactor.tcpServers[0][1]  # After the port.
        self.site.doStart()  # As a listening port does.
        self.addCleanup(self.site.doStop)

    def connect(self) -> tuple[http.HTTPChannel, testing.StringTransport]:
        """Return the site's end of a new connection, and its transport."""
        channel = self.site.buildProtocol(None)
        transport = testing.StringTransport()
        channel.makeConnection(transport)
        return channel, transport

    def exchange(self, data: bytes) -> str:
        """Return the answers to data on a new connection, without Server and Date."""
        channel, transport = self.connect()
        channel.dataReceived(data)
        channel.connectionLost(protocol.connectionDone)
        return re.sub("Server: .*\nDate: .*\n", "", transport.value().decode())

    def test_get(self) -> None:
        """GET is answered with the page, whatever its target, fields and body are."""
        gets = b"".join(b"GET %b HTTP/1.1\r\n%b" % (to, FIELDS) for to in TARGETS)
        self.assertEqual(self.exchange(gets), (HEADERS + BODY) * len(TARGETS))

    def test_head(self) -> None:
        """HEAD is answered with the headers of GET, and no body."""
        heads = (b"HEAD / HTTP/1.1\r\n%b" % FIELDS) * 2
        self.assertEqual(self.exchange(heads), HEADERS * 2)

    def test_otherMethod(self) -> None:
        """Any other method is refused, even get, and the connection stays open."""
        requests = b"".join(b"%b / HTTP/1.1\r\n%b" % (name, FIELDS) for name in METHODS)
        self.assertEqual(self.exchange(requests), NOT_ALLOWED * len(METHODS))

    def test_addedMethod(self) -> None:
        """A render_ method that is added to the page is called, and named in Allow."""

        class Page(clock.ClockPage):
            def render_POST(self, request: server.Request) -> bytes:
                return b"posted"

        self.site.resource = Page()
        answers = self.exchange(b"POST / HTTP/1.1\r\n\r\nPUT / HTTP/1.1\r\n\r\n")
        self.assertIn("\r\n\r\nposted", answers)
        self.assertIn("\r\nAllow: GET, HEAD, POST\r\n", answers)

    def test_close(self) -> None:
        """The connection is closed when the client asks for it, or speaks HTTP/1.0."""
        for end in b"1.1\r\nConnection: close", b"1.0":
            channel, transport = self.connect()
            channel.dataReceived(b"GET / HTTP/" + end + b"\r\n\r\n")
            self.assertIn(b"\r\nCache-Control: ", transport.value())
            self.assertIn(BODY.encode(), transport.value())
            self.assertTrue(transport.disconnecting)
            self.assertFalse(transport.disconnected)

    def test_silence(self) -> None:
        """Nothing is logged or printed about a request."""
        printed = self.output.getvalue()
        with capturedLogs() as events, self.assertNoLogs():  # Twisted's and logging's.
            for method in b"GET", b"HEAD", *METHODS:
                self.exchange(b"%b / HTTP/1.1\r\n%b" % (method, FIELDS))
        self.assertEqual(events, [])
        self.assertEqual(self.output.getvalue(), printed)

    def test_error(self) -> None:
        """An error is logged, and the client gets a 500 without details."""
        self.patch(clock, "PAGE", None)
        answer = self.exchange(GET)
        self.assertIn("HTTP/1.1 500 Internal Server Error\r\n", answer)
        self.assertNotIn("NoneType", answer)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    def test_body(self) -> None:
        """A body is read to its end before the answer, and nothing of it is kept."""
        for start in (
            b"Transfer-Encoding: chunked\r\n\r\n4\r\nabc",
            b"Content-Length: 10000000\r\n\r\n" + bytes(9999999),
        ):
            channel, transport = self.connect()
            channel.dataReceived(b"POST / HTTP/1.1\r\n" + start)
            content = channel.requests[0].content
            content.seek(0)
            self.assertEqual((content.read(), transport.value()), (b"", b""))
        channel.dataReceived(b"x")  # The last byte of the second body.
        self.assertIn(b"405 Method Not Allowed", transport.value())

    def test_unread(self) -> None:
        """Until a client reads its answer, it gets no other, and can time out."""
        channel, transport = self.connect()
        # Headers go through writeSequence(). Each body fills the buffer.
        self.patch(transport, "write", lambda body: channel.pauseProducing())
        channel.dataReceived(GET * 3)
        for answers in 1, 2, 3:
            self.assertEqual(transport.value().count(b"200 OK"), answers)
            self.assertEqual(transport.producerState, "paused")
            channel.resumeProducing()
        self.assertEqual(transport.producerState, "producing")
        channel.dataReceived(GET)
        self.assertEqual(transport.value().count(b"200 OK"), 4)
        self.reactor.advance(60)
        self.assertTrue(transport.disconnecting)

    def test_unfinished(self) -> None:
        """The next request waits for the page, even if the transport was paused."""
        page = Mock(return_value=server.NOT_DONE_YET)
        self.patch(clock.ClockPage, "render_GET", page)
        channel, transport = self.connect()
        channel.dataReceived(GET * 2)
        channel.pauseProducing()
        channel.resumeProducing()
        self.assertEqual((page.call_count, transport.producerState), (1, "paused"))
        page.call_args.args[0].finish()  # The first request.
        self.assertEqual((page.call_count, transport.producerState), (2, "producing"))

    def test_timeout(self) -> None:
        """A client that sends nothing for 60 seconds is disconnected."""
        body = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na"
        for parts in [], [b"GET / ", b"HTTP/1.1\r\n\r\n"], [body, b"b"]:
            channel, transport = self.connect()
            for part in parts:
                self.reactor.advance(59)
                channel.dataReceived(part)
            self.reactor.advance(59)
            self.assertFalse(transport.disconnecting)
            self.reactor.advance(1)
            self.assertTrue(transport.disconnecting)
            self.reactor.advance(14)  # Time to send what is left.
            self.assertFalse(transport.disconnected)
            self.reactor.advance(1)
            self.assertTrue(transport.disconnected)
            self.assertNotIn(b"408", transport.value())

    def test_connectionLost(self) -> None:
        """Nothing of a lost connection is kept."""
        channel = self.connect()[0]
        channel.dataReceived(b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\na")
        kept = weakref.WeakSet([channel, *channel.requests])  # Half a request.
        channel.dataReceived(b"b" + GET)
        channel.connectionLost(protocol.connectionDone)
        del channel
        gc.collect()
        self.assertEqual(list(kept), [])


class MainTests(SynchronousTestCase):
    """Tests of the script."""

    def setUp(self) -> None:
        self.output = BytesIO()
        self.patch(sys, "stdout", TextIOWrapper(self.output))  # Keeps unflushed text.
        self.patch(sys, "stderr", sys.stdout)
        self.reactor = testing.MemoryReactorClock()  # run() calls hooks and stop().
        self.reactor.callWhenRunning(self.output.write, b"running\n")
        self.patch(self.reactor, "stop", lambda: self.output.write(b"stopped\n"))

    @patch("signal.signal", None)  # The reactor alone sets signal handlers.
    def runAs(self, name: str) -> dict[str, object]:
        """Run clock.py under a name, on the test's reactor; return what it defines."""
        with patch("twisted.internet.reactor", self.reactor, create=True):
            return runpy.run_path(clock.__file__, run_name=name)

    def test_script(self) -> None:
        """The script listens on port 8880 of all interfaces, with a long backlog."""
        self.runAs("__main__")
        ports = [(port, *rest) for port, _, *rest in self.reactor.tcpServers]
        self.assertEqual(ports, [(8880, 65535, "")])

    def test_main(self) -> None:
        """main listens on PORT, and prints its address once the reactor runs."""
        self.patch(clock, "PORT", 9000)
        clock.main(self.reactor)
        self.assertEqual(self.reactor.tcpServers[0][0], 9000)
        printed = b"running\nhttp://localhost:9000/ (Ctrl-C stops)\nstopped\n"
        self.assertEqual(self.output.getvalue(), printed)

    def test_cannotListen(self) -> None:
        """Without its port, the script exits with the reason."""
        taken = OSError(98, "Address already in use")
        denied = error.CannotListenError("", 8880, OSError(13, "Permission denied"))
        for reason in taken, denied:
            self.patch(self.reactor, "listenTCP", Mock(side_effect=reason))
            end = self.assertRaises(SystemExit, self.runAs, "__main__")
            # Python prints a code that is a str on stderr, and exits with status 1.
            self.assertEqual(end.code, str(reason))
        sys.stdout.flush()
        self.assertEqual(self.output.getvalue(), b"")

    def test_otherError(self) -> None:
        """Any other error is raised as it is."""
        self.patch(self.reactor, "listenTCP", Mock(side_effect=ZeroDivisionError))
        self.assertRaises(ZeroDivisionError, clock.main, self.reactor)

    def test_import(self) -> None:
        """Importing the module imports no reactor, and prints nothing."""
        self.assertNotIn(self.reactor, self.runAs("clock").values())
        sys.stdout.flush()
        self.assertEqual(self.output.getvalue(), b"")
