"""Tests of the clock: set times, set zones, and no port."""

import os
import re
import runpy
import socket
import sys
import time
import tracemalloc
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from unittest.mock import Mock, patch

from twisted.internet import testing
from twisted.internet.error import CannotListenError
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel
from twisted.web.server import Site
from twisted.web.test.requesthelper import DummyRequest

import clock

WINTER = 1798772645.9  # 2027-01-01T03:04:05.9Z, in the last ISO week of 2026
SUMMER = 1846526940.9  # 2028-07-06T20:09:00.9Z

PAGE = b"""\
<!DOCTYPE html>
<html lang="en">
<title>Clock</title>
<meta name="viewport" content="width=device-width">
<body>
<time datetime="%b">%b</time>
</html>
"""

HEADERS = b"""\
HTTP/1.1 200 OK\r
Content-Type: text/html; charset=utf-8\r
Cache-Control: no-store\r
Content-Length: 191\r
\r
"""

OK = HEADERS + PAGE % (b"2027-01-01T03:04:05Z", b"Fri Jan  1 03:04:05 2027")

NOT_ALLOWED = b"""\
HTTP/1.1 405 Method Not Allowed\r
Allow: GET, HEAD\r
Content-Type: text/plain; charset=utf-8\r
Content-Length: 42\r
\r
This is a clock: GET it to read the time.
"""

GET = b"GET / HTTP/1.1\r\n\r\n"
GETS = GET + b"GET /a/b?c=d HTTP/1.1\r\n\r\n" + b"GET /\x80 HTTP/1.1\r\n\r\n"
OTHER_METHODS = b"POST", b"PUT", b"DELETE", b"OPTIONS", b"get", b"BREW"


def setZone(test: SynchronousTestCase, zone: str) -> None:
    """Have a test run in the time zone of a POSIX TZ string."""
    environ = patch.dict(os.environ, TZ=zone)
    environ.start()
    test.addCleanup(time.tzset)
    test.addCleanup(environ.stop)
    time.tzset()


def connect(site: Site) -> tuple[HTTPChannel, testing.StringTransport]:
    """Return a new connection to a site: its channel, and the transport below."""
    channel, transport = site.buildProtocol(None), testing.StringTransport()
    channel.makeConnection(transport)
    return channel, transport


def exchange(site: Site, data: bytes) -> bytes:
    """Return what a site answers to data, but for the headers Server and Date."""
    channel, transport = connect(site)
    channel.dataReceived(data)
    return re.sub(rb"(Server|Date): .*\r\n", b"", transport.value())


class ClockPageTests(SynchronousTestCase):
    """Tests of the page alone."""

    def render(self, moment: float) -> bytes:
        """Return the page that is made at a moment."""
        self.patch(time, "time", lambda: moment)
        request = DummyRequest([])
        request.render(clock.ClockPage())
        return b"".join(request.written)

    def test_east(self) -> None:
        """East of Greenwich, the text is ahead of the attribute, which is in UTC."""
        setZone(self, "CET-1CEST,M3.5.0,M10.5.0/3")
        winter = PAGE % (b"2027-01-01T03:04:05Z", b"Fri Jan  1 04:04:05 2027")
        summer = PAGE % (b"2028-07-06T20:09:00Z", b"Thu Jul  6 22:09:00 2028")
        self.assertEqual(self.render(WINTER), winter)
        self.assertEqual(self.render(SUMMER), summer)

    def test_west(self) -> None:
        """West of Greenwich, the text is behind the attribute, which is in UTC."""
        setZone(self, "EST5EDT,M3.2.0,M11.1.0")
        winter = PAGE % (b"2027-01-01T03:04:05Z", b"Thu Dec 31 22:04:05 2026")
        summer = PAGE % (b"2028-07-06T20:09:00Z", b"Thu Jul  6 16:09:00 2028")
        self.assertEqual(self.render(WINTER), winter)
        self.assertEqual(self.render(SUMMER), summer)

    def test_literal(self) -> None:
        """All else that stands in PAGE comes out as it stands, in UTF-8."""
        self.patch(clock, "PAGE", r"{} {0} {x} {{ %% %s %Y $$ $x ${x} \1 Café 時計 °")
        self.assertEqual(self.render(WINTER).decode(), clock.PAGE)


class ClockSiteTests(SynchronousTestCase):
    """Tests of the page in its site: what goes over the wire, and what is kept."""

    def setUp(self) -> None:
        setZone(self, "UTC0")
        self.patch(time, "time", lambda: WINTER)
        reactor = testing.MemoryReactorClock()
        self.site = clock.ClockSite(clock.ClockPage(), reactor=reactor)
        self.site.startFactory()
        self.addCleanup(self.site.stopFactory)

    def test_get(self) -> None:
        """GET is answered with the page, whatever the target."""
        self.assertEqual(exchange(self.site, GETS), OK * 3)

    def test_head(self) -> None:
        """HEAD is answered with the headers of GET, and no body."""
        heads = GETS.replace(b"GET", b"HEAD")
        self.assertEqual(exchange(self.site, heads + GET), HEADERS * 3 + OK)

    def test_otherMethod(self) -> None:
        """Any other method is refused, and the connection stays good."""
        for method in OTHER_METHODS:
            requests = GETS.replace(b"GET", method)
            self.assertEqual(exchange(self.site, requests + GET), NOT_ALLOWED * 3 + OK)

    def test_oneReading(self) -> None:
        """Each page is made from one reading of the clock, its own."""
        self.patch(time, "time", iter([WINTER, WINTER + 1]).__next__)
        later = OK.replace(b":05", b":06")
        self.assertEqual(exchange(self.site, GET + GET), OK + later)

    def test_silence(self) -> None:
        """A request of any kind leaves nothing in the log, on stdout or on stderr."""
        output = StringIO()
        with capturedLogs() as events, redirect_stdout(output), redirect_stderr(output):
            for method in (b"GET", b"HEAD", *OTHER_METHODS):
                exchange(self.site, GETS.replace(b"GET", method))
        self.assertEqual((events, output.getvalue()), ([], ""))

    def test_error(self) -> None:
        """An error is told in the log, and to the client as no more than a 500."""
        self.patch(time, "time", lambda: 1 // 0)
        with capturedLogs() as events:
            answer = exchange(self.site, GET)
        [event] = events
        errors = self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(errors, [event["log_failure"]])
        self.assertTrue(answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n"))
        self.assertNotIn(b"ZeroDivisionError", answer)

    def test_bodyIsDiscarded(self) -> None:
        """A page finds nothing of a body, be it short, long, chunked or malformed."""
        self.patch(clock.ClockPage, "render", lambda _, request: request.content.read())
        for body in (
            b"Content-Length: 3\r\n\r\nabc",
            b"Content-Length: 100000\r\n\r\n" + b"a" * 100000,
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"Content-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc",
        ):
            answer = exchange(self.site, b"POST / HTTP/1.1\r\n" + body)
            self.assertEqual(answer, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def test_bodyIsNotHeld(self) -> None:
        """Nothing of a body takes memory while more of it comes."""
        if not tracemalloc.is_tracing():
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
        channel, _ = connect(self.site)
        channel.dataReceived(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(9):
            channel.dataReceived(bytes(100000))
        after, _ = tracemalloc.get_traced_memory()
        self.assertLess(after - before, 100000)

    def test_bodyIsTaken(self) -> None:
        """A body counts as written, as it would with a file that keeps it."""
        self.assertEqual(self.site.getContentFile(3).write(b"abc"), 3)

    def test_unread(self) -> None:
        """A client that reads no answers is neither read nor answered until it does."""
        channel, transport = connect(self.site)
        # As a transport does when a write fills its buffer.
        with patch.object(transport, "write", lambda data: channel.pauseProducing()):
            channel.dataReceived(GET * 3)
            self.assertEqual(transport.value().count(b"200 OK"), 1)
            channel.resumeProducing()
        self.assertEqual(transport.value().count(b"200 OK"), 2)
        self.assertEqual(transport.producerState, "paused")
        channel.resumeProducing()
        self.assertEqual(transport.value().count(b"200 OK"), 3)
        self.assertEqual(transport.producerState, "producing")
        channel.dataReceived(GET)
        self.assertEqual(transport.value().count(b"200 OK"), 4)

    def test_stream(self) -> None:
        """A page that is streamed would be paused and resumed with its channel."""
        channel, _ = connect(self.site)
        stream = Mock()
        channel.registerProducer(stream, True)
        channel.pauseProducing()
        stream.pauseProducing.assert_called_once_with()
        channel.resumeProducing()
        stream.resumeProducing.assert_called_once_with()


class MainTests(SynchronousTestCase):
    """Tests of the script."""

    def setUp(self) -> None:
        # Only what is flushed gets through the wrapper, as through a pipe.
        self.stdout = BytesIO()
        self.patch(sys, "stdout", TextIOWrapper(self.stdout))
        self.reactor = testing.MemoryReactorClock()
        self.reactor.callWhenRunning(self.stdout.write, b"(runs)")
        self.patch(self.reactor, "stop", lambda: self.stdout.write(b"(stops)"))

    def runAs(self, name: str) -> dict[str, object]:
        """Run clock.py under a name, on the test's reactor; return what it defines."""
        with patch("twisted.internet.reactor", self.reactor, create=True):
            return runpy.run_path(clock.__file__, run_name=name)

    def test_serves(self) -> None:
        """The clock is served on port 8880 of all interfaces, with the longest queue."""
        clock.main(self.reactor)
        [(port, site, *rest)] = self.reactor.tcpServers
        self.assertEqual((port, *rest), (8880, socket.SOMAXCONN, ""))
        self.assertIsInstance(site, clock.ClockSite)
        self.assertIsInstance(site.resource, clock.ClockPage)

    def test_timeout(self) -> None:
        """A silent connection is closed after 60 seconds of the reactor's time."""
        clock.main(self.reactor)
        [(_, site, _, _)] = self.reactor.tcpServers
        _, transport = connect(site)
        self.reactor.advance(59)
        self.assertFalse(transport.disconnecting)
        self.reactor.advance(1)
        self.assertTrue(transport.disconnecting)

    def test_otherPort(self) -> None:
        """Another PORT is the one that is listened on, and told."""
        self.patch(clock, "PORT", 9000)
        clock.main(self.reactor)
        self.assertEqual(self.reactor.tcpServers[0][0], 9000)
        self.assertIn(b"http://localhost:9000/ ", self.stdout.getvalue())

    def test_cannotListen(self) -> None:
        """Without its port, the script ends with one line that says why."""
        taken = OSError(98, "Address already in use")
        for error in taken, CannotListenError("", 8880, taken):
            reactor = testing.RaisingMemoryReactor(error)
            end = self.assertRaises(SystemExit, clock.main, reactor)
            # Python prints a code that is a text on stderr, and ends with status 1.
            self.assertEqual(end.code, str(error))
        sys.stdout.flush()
        self.assertEqual(self.stdout.getvalue(), b"")

    def test_otherError(self) -> None:
        """An error of any other kind is raised."""
        reactor = testing.RaisingMemoryReactor(ZeroDivisionError())
        self.assertRaises(ZeroDivisionError, clock.main, reactor)

    def test_script(self) -> None:
        """The script tells its address once it runs, and runs until it is stopped."""
        self.runAs("__main__")
        self.reactor.advance(3600)
        output = b"(runs)http://localhost:8880/ (Ctrl-C stops)\n(stops)"
        self.assertEqual(self.stdout.getvalue(), output)

    def test_zone(self) -> None:
        """The script keeps to the zone in which it is started."""
        setZone(self, "JST-9")
        self.runAs("__main__")
        self.assertEqual(time.tzname[0], "JST")

    def test_import(self) -> None:
        """Importing the module takes no reactor, and prints nothing."""
        self.assertNotIn("reactor", self.runAs("clock"))
        sys.stdout.flush()
        self.assertEqual(self.stdout.getvalue(), b"")
