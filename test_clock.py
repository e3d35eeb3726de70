"""Tests of the clock: set times, set zones, and no port."""

import os
import runpy
import sys
import tempfile
import time
import tracemalloc
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any
from unittest.mock import Mock, patch

from twisted.internet import testing
from twisted.internet.error import CannotListenError
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web import http, server
from twisted.web.test.requesthelper import DummyRequest

import clock

WINTER = 1798772645.9  # 2027-01-01T03:04:05.9Z, in the last ISO week of 2026
SUMMER = 4434120540  # 2110-07-06T20:09:00Z, a whole second

# In WINTER, nine hours east of Greenwich.
PAGE = r"""<!DOCTYPE html>
<html lang="en">
<title>Clock</title>
<meta name="viewport" content="width=device-width">
<body>
<time datetime="2027-01-01T03:04:05Z">Fri Jan  1 12:04:05 2027</time>
</html>
"""

HEADERS = f"""\
HTTP/1.1 200 OK\r
Server: {server.version.decode()}\r
Date: now\r
Content-Type: text/html; charset=utf-8\r
Cache-Control: no-store\r
Content-Length: 21\r
\r
"""

OK = HEADERS + "2027-01-01T03:04:05Z\n"

NOT_ALLOWED = f"""\
HTTP/1.1 405 Method Not Allowed\r
Server: {server.version.decode()}\r
Date: now\r
Allow: GET, HEAD\r
Content-Type: text/plain; charset=utf-8\r
Content-Length: 42\r
\r
This is a clock: GET it to read the time.
"""

GET = b"GET / HTTP/1.1\r\n\r\n"

# What the clock takes no notice of.
FIELDS = b"""\
Accept: application/json\r
Accept-Encoding: gzip\r
Connection: Upgrade\r
Content-Length: 3\r
Content-Type: multipart/form-data\r
If-Modified-Since: Wed, 31 Dec 2098 23:59:59 GMT\r
If-None-Match: *\r
Origin: https://example.org\r
Range: bytes=0-9\r
Upgrade: h2c\r
\r
abc"""
TARGETS = b"/", b"/a/../b", b"/favicon.ico", b"/?tz=UTC", b"/\x80"

GETS = GET + b"".join(b"GET %b HTTP/1.1\r\n%b" % (to, FIELDS) for to in TARGETS)
OTHER_METHODS = b"POST", b"OPTIONS", b"TRACE", b"get", b"head", b"E", b"GETS"


def setZone(test: SynchronousTestCase, zone: str) -> None:
    """Have a test run in the time zone of a POSIX TZ string."""
    environ = patch.dict(os.environ, TZ=zone)
    environ.start()
    test.addCleanup(time.tzset)
    test.addCleanup(environ.stop)
    time.tzset()


class FullTransport(testing.StringTransport):
    """A transport whose buffer is full after each body."""

    producer: Any

    def write(self, data: bytes) -> None:
        super().write(data)
        self.producer.pauseProducing()


class ClockPageTests(SynchronousTestCase):
    """Tests of the page alone."""

    def render(self, moment: float) -> str:
        """Return the page that is made at a moment."""
        self.patch(time, "time", lambda: moment)
        request = DummyRequest([])
        request.render(clock.ClockPage())
        return b"".join(request.written).decode()

    def test_page(self) -> None:
        """The page is HTML with the time."""
        setZone(self, "JST-9")
        self.assertEqual(self.render(WINTER), PAGE)

    def test_time(self) -> None:
        """The text is in the server's zone, the attribute in UTC."""
        east = "CHAST-12:45CHADT,M9.5.0/2:45,M4.1.0/3:45"
        west = "NST3:30NDT,M3.2.0,M11.1.0"
        for zone, moment, times in (
            (east, SUMMER, '"2110-07-06T20:09:00Z">Mon Jul  7 08:54:00 2110<'),
            (east, WINTER, '"2027-01-01T03:04:05Z">Fri Jan  1 16:49:05 2027<'),
            (west, SUMMER, '"2110-07-06T20:09:00Z">Sun Jul  6 17:39:00 2110<'),
            (west, WINTER, '"2027-01-01T03:04:05Z">Thu Dec 31 23:34:05 2026<'),
        ):
            setZone(self, zone)
            self.assertIn(times, self.render(moment))

    def test_literal(self) -> None:
        """All else that stands in PAGE comes out as it stands, in UTF-8."""
        self.patch(clock, "PAGE", r"{} {0} {x} {{ %% %s %Y $$ $x ${x} \1 Café 時計 °")
        self.assertEqual(self.render(WINTER), clock.PAGE)


class ClockSiteTests(SynchronousTestCase):
    """Tests of the site that main serves: what goes over the wire, and what is kept."""

    site: Any

    def setUp(self) -> None:
        setZone(self, "JST-9")
        # So that a change of the page is noticed by the tests of the page alone.
        self.patch(clock, "PAGE", "{utc}\n")
        self.patch(time, "time", lambda: WINTER)
        self.patch(server, "datetimeToString", lambda: b"now")
        self.reactor = testing.MemoryReactorClock()
        self.output = StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.output)
        clock.main(self.reactor)
        [(_, self.site, _, _)] = self.reactor.tcpServers
        # As the port does when it opens.
        self.site.doStart()
        self.addCleanup(self.site.doStop)

    def connect(self, transport: testing.StringTransport) -> http.HTTPChannel:
        """Return the site's end of a new connection."""
        channel = self.site.buildProtocol(None)
        channel.makeConnection(transport)
        return channel

    def exchange(self, data: bytes) -> str:
        """Return what the site answers to data on a new connection."""
        transport = testing.StringTransport()
        self.connect(transport).dataReceived(data)
        return transport.value().decode()

    def test_get(self) -> None:
        """GET is answered with the page, whatever its target, fields and body."""
        self.assertEqual(self.exchange(GETS), OK * 6)

    def test_head(self) -> None:
        """HEAD is answered with the headers of GET, and no body."""
        heads = GETS.replace(b"GET", b"HEAD")
        self.assertEqual(self.exchange(heads + GET), HEADERS * 6 + OK)

    def test_otherMethod(self) -> None:
        """Any other method is refused, and the connection stays good."""
        for method in OTHER_METHODS:
            requests = GETS.replace(b"GET", method)
            self.assertEqual(self.exchange(requests + GET), NOT_ALLOWED * 6 + OK)

    def test_zone(self) -> None:
        """Whatever a client asks, the time is in the zone that main is run in."""
        self.patch(clock, "PAGE", "{local}")
        self.assertEqual(self.exchange(GETS).count("12:04"), 6)

    def test_oneReading(self) -> None:
        """Each page is made from one reading of the clock, its own."""
        self.patch(time, "time", iter([WINTER, WINTER - 1]).__next__)
        self.assertEqual(self.exchange(GET + GET), OK + OK.replace(":05", ":04"))

    def test_close(self) -> None:
        """The connection is closed when the client asks for it, or speaks HTTP/1.0."""
        for end in b"1.1\r\nConnection: close", b"1.0":
            transport = testing.StringTransport()
            self.connect(transport).dataReceived(b"GET / HTTP/" + end + b"\r\n\r\n")
            self.assertIn(b"2027-01-01T03:04:05Z\n", transport.value())
            self.assertTrue(transport.disconnecting)

    def test_silence(self) -> None:
        """A request of any kind leaves nothing in the log, on stdout or on stderr."""
        told = self.output.getvalue()
        with capturedLogs() as events, self.assertNoLogs():
            for method in (b"GET", b"HEAD", *OTHER_METHODS):
                self.exchange(GETS.replace(b"GET", method))
            channel = self.connect(FullTransport())
            channel.dataReceived(GET)
            channel.resumeProducing()
        self.assertEqual((events, self.output.getvalue()), ([], told))

    def test_error(self) -> None:
        """An error is told in the log, and to the client as no more than a 500."""
        self.patch(clock, "PAGE", None)
        for method in b"GET", b"HEAD":
            answer = self.exchange(GET.replace(b"GET", method))
            self.assertIn("HTTP/1.1 500 Internal Server Error\r\n", answer)
            self.assertNotIn("NoneType", answer)
            self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    def test_body(self) -> None:
        """Nothing of a body is kept, in memory or in a file, while more of it comes."""
        self.patch(tempfile, "tempdir", os.devnull)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for framing in b"Content-Length: 1000000", b"Transfer-Encoding: chunked":
            channel = self.connect(testing.StringTransport())
            channel.dataReceived(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(9):
                channel.dataReceived(b"186A0\r\n" + bytes(100000) + b"\r\n")
            after, _ = tracemalloc.get_traced_memory()
            self.assertLess(after - before, 100000)

    def test_unread(self) -> None:
        """A client that reads no answer is neither read nor answered until it does."""
        transport = FullTransport()
        channel = self.connect(transport)
        channel.dataReceived(GET * 3)
        for answers in 1, 2, 3:
            self.assertEqual(transport.value().decode(), OK * answers)
            self.assertEqual(transport.producerState, "paused")
            channel.resumeProducing()
        self.assertEqual(transport.producerState, "producing")
        channel.dataReceived(GET)
        self.assertEqual(transport.value().decode(), OK * 4)

    def test_timeout(self) -> None:
        """A client that sends nothing is let go in 60 seconds, and cut off in 75."""
        transport = testing.StringTransport()
        self.connect(transport)
        self.reactor.advance(59)
        self.assertFalse(transport.disconnecting)
        self.reactor.pump([1, 14])
        self.assertTrue(transport.disconnecting)
        self.assertFalse(transport.disconnected)
        self.reactor.advance(1)
        self.assertTrue(transport.disconnected)

    def test_timeoutStartsAnew(self) -> None:
        """What a client sends starts the 60 seconds anew, whether it reads or not."""
        for transport in testing.StringTransport(), FullTransport():
            channel = self.connect(transport)
            for data in b"GET / ", b"HTTP/1.1\r\n\r\n":
                self.reactor.advance(59)
                channel.dataReceived(data)
            self.reactor.advance(59)
            self.assertFalse(transport.disconnecting)
            self.reactor.advance(1)
            self.assertTrue(transport.disconnecting)


class MainTests(SynchronousTestCase):
    """Tests of the script."""

    def setUp(self) -> None:
        # Only what is flushed gets through the wrapper, as through a pipe.
        self.stdout = BytesIO()
        self.patch(sys, "stdout", TextIOWrapper(self.stdout))
        # Nothing can be written there.
        self.patch(sys, "stderr", object())
        self.reactor = testing.MemoryReactorClock()
        self.reactor.callWhenRunning(self.stdout.write, b"(runs)")
        self.patch(self.reactor, "stop", lambda: self.stdout.write(b"(stops)"))

    def runAs(self, name: str) -> dict[str, object]:
        """Run clock.py under a name, on the test's reactor; return what it defines."""
        with (
            patch("twisted.internet.reactor", self.reactor, create=True),
            # No other way to a reactor, and no signal handlers but the reactor's.
            patch.dict(sys.modules, {"twisted.internet.reactor": None}),
            patch("signal.signal", None),
        ):
            try:
                return runpy.run_path(clock.__file__, run_name=name)
            finally:
                sys.stdout.flush()

    def test_listens(self) -> None:
        """The script listens on port 8880 of all interfaces, with the longest queue."""
        self.runAs("__main__")
        [(port, _, backlog, interface)] = self.reactor.tcpServers
        self.assertEqual((port, backlog, interface), (8880, 65535, ""))

    def test_script(self) -> None:
        """The script tells its address once it runs, and runs until it is stopped."""
        self.runAs("__main__")
        address = b"http://localhost:%d/ (Ctrl-C stops)\n" % clock.PORT
        self.assertEqual(self.stdout.getvalue(), b"(runs)" + address + b"(stops)")

    def test_otherPort(self) -> None:
        """Another PORT is the one that is listened on, and told."""
        self.patch(clock, "PORT", 9000)
        clock.main(self.reactor)
        self.assertEqual(self.reactor.tcpServers[0][0], 9000)
        self.assertIn(b"http://localhost:9000/ ", self.stdout.getvalue())

    def test_cannotListen(self) -> None:
        """Without its port, the script ends with one line that says why."""
        taken = OSError(98, "Address already in use")
        denied = CannotListenError("", 8880, OSError(13, "Permission denied"))
        for error in taken, denied:
            # The script could have another port, if it asked.
            self.patch(self.reactor, "listenTCP", Mock(side_effect=[error, None]))
            end = self.assertRaises(SystemExit, self.runAs, "__main__")
            # Python prints a code that is a text on stderr, and ends with status 1.
            self.assertEqual(end.code, str(error))
        self.assertEqual(self.stdout.getvalue(), b"")

    def test_otherError(self) -> None:
        """An error of any other kind is raised."""
        self.patch(self.reactor, "listenTCP", Mock(side_effect=ZeroDivisionError))
        self.assertRaises(ZeroDivisionError, clock.main, self.reactor)

    def test_import(self) -> None:
        """Importing the module takes no reactor, and prints nothing."""
        self.assertNotIn(self.reactor, self.runAs("clock").values())
        self.assertEqual(self.stdout.getvalue(), b"")
