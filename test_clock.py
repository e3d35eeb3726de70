"""Tests of the clock: a fixed time, a fixed zone, and no port."""

import os
import runpy
import sys
import time
from functools import partial
from io import BytesIO, TextIOWrapper
from unittest.mock import patch

from twisted import internet
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site
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

LINE = b"The time is on http://localhost:8880/ (Ctrl-C to stop)\n"


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

    def render(self) -> bytes:
        request = DummyRequest([])
        request.render(clock.ClockPage())
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


class SiteTests(SynchronousTestCase):
    """Tests of the bytes that go over the wire."""

    def setUp(self) -> None:
        setTime(self, "UTC0", MOMENT)

    def exchange(self, request: bytes) -> bytes:
        """Send the request over a connection and return the answer."""
        transport = StringTransport()
        protocol = Site(clock.ClockPage(), reactor=Clock()).buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(request)
        return transport.value()

    def assertHeaders(self, answer: bytes) -> None:
        self.assertIn(b"\r\nContent-Type: text/html; charset=utf-8\r\n", answer)
        self.assertIn(b"\r\nCache-Control: no-store\r\n", answer)
        self.assertIn(b"\r\nContent-Length: %d\r\n" % len(PAGE), answer)

    def test_get(self) -> None:
        """GET is answered with the page, as HTML in UTF-8 that is not to be stored."""
        answer = self.exchange(b"GET / HTTP/1.1\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertHeaders(answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n" + PAGE), answer)

    def test_head(self) -> None:
        """HEAD is answered with the headers of GET, and no body."""
        answer = self.exchange(b"HEAD / HTTP/1.1\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertHeaders(answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"), answer)

    def test_anyPath(self) -> None:
        """A path below the root is answered with the page."""
        answer = self.exchange(b"GET /a/b?c=d HTTP/1.1\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n" + PAGE), answer)

    def test_post(self) -> None:
        """POST is not allowed."""
        answer = self.exchange(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        self.assertTrue(
            answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n"), answer
        )
        self.assertIn(b"\r\nAllow: HEAD, GET\r\n", answer)

    def test_otherMethod(self) -> None:
        """Any other method is not implemented."""
        answer = self.exchange(b"DELETE / HTTP/1.1\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 501 Not Implemented\r\n"), answer)


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
        self.assertIsInstance(site, Site)
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
