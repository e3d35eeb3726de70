"""Tests of the clock: a fixed time, a fixed zone, and no port."""

import os
import runpy
import sys
import tempfile
import time
import tracemalloc
from functools import partial
from io import BytesIO, TextIOWrapper
from unittest.mock import patch

from twisted import internet
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.internet.testing import (
    MemoryReactor,
    RaisingMemoryReactor,
    StringTransport,
)
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.test.requesthelper import DummyRequest

import clock

MOMENT = 1795510938

PAGE = b"""\
<!DOCTYPE html>
<html lang="en">
<head><title>Clock</title></head>
<body><time datetime="2026-11-24T09:02:18+0000">Tue Nov 24 09:02:18 2026</time></body>
</html>
"""

LINE = b"http://localhost:8880/ (Ctrl-C stops)\n"


def setTime(test: SynchronousTestCase, zone: str, *moments: int) -> None:
    """Have the clock read these moments in turn, in the zone of a POSIX TZ string."""
    environ = patch.dict(os.environ, TZ=zone)
    environ.start()
    test.addCleanup(time.tzset)
    test.addCleanup(environ.stop)
    time.tzset()
    test.patch(time, "localtime", partial(next, map(time.localtime, moments)))


class ClockPageTests(SynchronousTestCase):
    """Tests of the page alone."""

    def setUp(self) -> None:
        self.page = clock.ClockPage()

    def render(self) -> bytes:
        request = DummyRequest([])
        request.render(self.page)
        return b"".join(request.written)

    def test_page(self) -> None:
        """The page is an HTML document, in bytes, that shows the time."""
        setTime(self, "UTC0", MOMENT)
        self.assertEqual(self.render(), PAGE)

    def test_zone(self) -> None:
        """The time is local, also where the offset is not a whole hour."""
        setTime(self, "IST-5:30", MOMENT)
        self.assertEqual(
            self.render(),
            PAGE.replace(b"09:02", b"14:32").replace(b"+0000", b"+0530"),
        )

    def test_oneReading(self) -> None:
        """Each page is made from one reading of the clock, its own."""
        setTime(self, "UTC0", MOMENT, MOMENT + 1)
        self.assertEqual(self.render(), PAGE)
        self.assertEqual(self.render(), PAGE.replace(b":18", b":19"))


class ClockSiteTests(SynchronousTestCase):
    """Tests of the page in its site: the bytes that go over the wire."""

    def setUp(self) -> None:
        setTime(self, "UTC0", MOMENT)
        self.site = clock.ClockSite(clock.ClockPage(), reactor=Clock())
        self.site.startFactory()
        self.addCleanup(self.site.stopFactory)

    def exchange(self, *pieces: bytes) -> bytes:
        """Send the pieces over a connection, and return what came back."""
        transport = StringTransport()
        protocol = self.site.buildProtocol(None)
        protocol.makeConnection(transport)
        for piece in pieces:
            protocol.dataReceived(piece)
        return transport.value()

    def assertStatus(self, answer: bytes, status: bytes) -> None:
        self.assertEqual(answer.partition(b"\r\n")[0], b"HTTP/1.1 " + status)

    def assertHeaders(self, answer: bytes) -> None:
        self.assertIn(b"\r\nContent-Type: text/html; charset=utf-8\r\n", answer)
        self.assertIn(b"\r\nCache-Control: no-store\r\n", answer)
        self.assertIn(b"\r\nContent-Length: %d\r\n" % len(PAGE), answer)

    def assertNotKept(self, headers: bytes, piece: bytes, end: bytes = b"") -> None:
        """A body of 64 pieces is refused, not kept, and followed by another request."""
        # A temporary file would now take memory instead of disk.
        self.patch(tempfile, "TemporaryFile", BytesIO)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        answer = self.exchange(
            b"POST / HTTP/1.1\r\n" + headers + b"\r\n",
            *[piece] * 64,
            end + b"GET / HTTP/1.1\r\n\r\n",
        )
        _, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak, 16 * len(piece))
        self.assertStatus(answer, b"405 Method Not Allowed")
        self.assertTrue(answer.endswith(b"\r\n\r\n" + PAGE), answer)

    def test_get(self) -> None:
        """GET is answered with the page, as HTML in UTF-8 that is not to be stored."""
        answer = self.exchange(b"GET / HTTP/1.1\r\n\r\n")
        self.assertStatus(answer, b"200 OK")
        self.assertHeaders(answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n" + PAGE), answer)

    def test_head(self) -> None:
        """HEAD is answered with the headers of GET, and no body."""
        answer = self.exchange(b"HEAD / HTTP/1.1\r\n\r\n")
        self.assertStatus(answer, b"200 OK")
        self.assertHeaders(answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"), answer)

    def test_anyPath(self) -> None:
        """A path below the root is answered with the page."""
        answer = self.exchange(b"GET /a/b?c=d HTTP/1.1\r\n\r\n")
        self.assertStatus(answer, b"200 OK")
        self.assertTrue(answer.endswith(b"\r\n\r\n" + PAGE), answer)

    def test_post(self) -> None:
        """POST is not allowed."""
        answer = self.exchange(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        self.assertStatus(answer, b"405 Method Not Allowed")
        self.assertIn(b"\r\nAllow: HEAD, GET\r\n", answer)

    def test_otherMethod(self) -> None:
        """Any other method is not implemented."""
        answer = self.exchange(b"DELETE / HTTP/1.1\r\n\r\n")
        self.assertStatus(answer, b"501 Not Implemented")

    def test_form(self) -> None:
        """A form with a length is not kept."""
        self.assertNotKept(
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n" % (64 * 65536),
            b"x" * 65536,
        )

    def test_chunked(self) -> None:
        """A chunked body is not kept."""
        self.assertNotKept(
            b"Transfer-Encoding: chunked\r\n",
            b"10000\r\n" + b"x" * 65536 + b"\r\n",
            b"0\r\n\r\n",
        )

    def test_malformedMultipart(self) -> None:
        """A malformed multipart body is not kept, nor told from any other."""
        self.assertNotKept(
            b"Content-Type: multipart/form-data; boundary=y\r\n"
            b"Transfer-Encoding: chunked\r\n",
            b"10000\r\n" + b"x" * 65536 + b"\r\n",
            b"0\r\n\r\n",
        )

    def test_noAccessLog(self) -> None:
        """A GET leaves nothing in the log."""
        with capturedLogs() as events:
            self.exchange(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(events, [])

    def test_error(self) -> None:
        """An error is told in the log, and to the client as a plain 500."""
        self.patch(time, "localtime", lambda: 1 // 0)
        answer = self.exchange(b"GET / HTTP/1.1\r\n\r\n")
        self.assertStatus(answer, b"500 Internal Server Error")
        self.assertNotIn(b"Traceback", answer)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class MainTests(SynchronousTestCase):
    """Tests of the script."""

    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        # Only what is flushed gets through the wrapper, as through a pipe.
        self.stdout = BytesIO()
        self.patch(sys, "stdout", TextIOWrapper(self.stdout))

    def test_serves(self) -> None:
        """The clock page is served on port 8880."""
        clock.main(self.reactor)
        [(port, site, _, _)] = self.reactor.tcpServers
        self.assertEqual(port, 8880)
        self.assertIsInstance(site, clock.ClockSite)
        self.assertIsInstance(site.resource, clock.ClockPage)
        self.assertTrue(self.reactor.hasRun)

    def test_line(self) -> None:
        """One line on stdout tells the address, and how to stop."""
        clock.main(self.reactor)
        self.assertEqual(self.stdout.getvalue(), LINE)

    def test_lineOnceRunning(self) -> None:
        """Nothing is printed before the reactor runs."""
        self.patch(self.reactor, "run", lambda: None)
        clock.main(self.reactor)
        self.assertEqual(self.stdout.getvalue(), b"")

    def test_takenPort(self) -> None:
        """A port that is taken ends the script with one line that says so."""
        error = CannotListenError("", 8880, OSError(98, "Address already in use"))
        exit = self.assertRaises(SystemExit, clock.main, RaisingMemoryReactor(error))
        # Python prints a code that is a text on stderr, and exits with status 1.
        self.assertEqual(
            exit.code,
            "Couldn't listen on any:8880: [Errno 98] Address already in use.",
        )
        sys.stdout.flush()
        self.assertEqual(self.stdout.getvalue(), b"")

    def test_script(self) -> None:
        """Run as a script, the clock is served by the reactor of the process."""
        self.patch(internet, "reactor", self.reactor)
        runpy.run_path(clock.__file__, run_name="__main__")
        self.assertTrue(self.reactor.hasRun)
        self.assertEqual(self.stdout.getvalue(), LINE)

    def test_import(self) -> None:
        """Importing the module takes no reactor, listens nowhere and prints nothing."""
        self.patch(internet, "reactor", self.reactor)
        module = runpy.run_path(clock.__file__, run_name="clock")
        self.assertNotIn("reactor", module)
        self.assertEqual(self.reactor.tcpServers, [])
        sys.stdout.flush()
        self.assertEqual(self.stdout.getvalue(), b"")
