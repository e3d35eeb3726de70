"""Tests of the clock. They set the time and the time zone, and open no port."""

import os
import runpy
import sys
import time
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any
from unittest.mock import ANY, Mock, patch

from twisted.internet import address, error, testing
from twisted.internet.test.modulehelpers import AlternateReactor
from twisted.logger import capturedLogs
from twisted.trial import unittest
from twisted.web.test.requesthelper import DummyRequest

import clock

NOW = 1798995845.9  # 2027-01-03T17:04:05.9Z, 13:34:05 in Newfoundland
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Clock</title>
</head>
<body><time datetime="2027-01-03T17:04:05Z">Sun Jan  3 13:34:05 2027</time></body>
</html>
"""
BODY = "2027-01-03T17:04:05Z °"
HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
    f"Cache-Control: no-store\r\nContent-Length: {len(BODY.encode())}\r\n\r\n"
).splitlines()
FIELDS = b"Host: a\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nCookie: a=b\r\n\r\n"


class ClockPageTests(unittest.SynchronousTestCase):
    """Tests of the page alone."""

    maxDiff = None
    page = clock.ClockPage()

    def render(self, moment: float, zone: str = "NST3:30NDT,M3.2.0,M11.1.0") -> str:
        """Return the page at a moment, in Newfoundland or another time zone."""
        self.patch(time, "time", iter([moment, 0]).__next__)  # To be read once.
        request: Any = DummyRequest([])
        request.path = b"/"  # A changed page may look at these.
        request.client = address.IPv4Address("TCP", "127.0.0.1", 50000)
        request.requestHeaders.addRawHeader(b"Host", b"localhost:8880")
        self.addCleanup(time.tzset)
        with patch.dict(os.environ, TZ=zone):
            time.tzset()
            request.render(self.page)
        return b"".join(request.written).decode()

    def test_page(self) -> None:
        """The page is HTML with the time, made anew for each request."""
        self.assertEqual(self.render(NOW), PAGE)
        self.assertEqual(self.render(NOW + 0.1), PAGE.replace(":05", ":06"))

    def test_summer(self) -> None:
        """The text follows daylight saving time."""
        page = self.render(NOW, "CHAST-12:45CHADT,M9.5.0/2:45,M4.1.0/3:45")  # Chatham
        self.assertIn('03T17:04:05Z">Mon Jan  4 06:49:05 2027<', page)

    def test_text(self) -> None:
        """PAGE is served in UTF-8, as it stands but for each {utc} and {local}."""
        text = r"{} {0} {x} {{ }} %% %s %Y $$ $x ${x} \1 \201C 時計 °"
        self.patch(clock, "PAGE", text + "{utc}{local}" * 2)
        times = "2027-01-03T09:04:05ZSun Jan  3 05:34:05 2027"  # A one-digit hour
        self.assertEqual(self.render(NOW - 28800), text + times * 2)


class ClockSiteTests(unittest.SynchronousTestCase):
    """Tests of the site that main serves."""

    maxDiff = None
    site: Any

    def setUp(self) -> None:
        self.patch(clock, "PAGE", "{utc} °")  # So that the clock's own can change.
        self.patch(time, "time", lambda: NOW)
        self.reactor = testing.MemoryReactorClock()
        self.patch(self.reactor, "run", lambda: None)
        clock.main(self.reactor)
        self.site = self.reactor.tcpServers[0][1]  # After the port.
        self.channel = self.site.buildProtocol(None)
        self.transport = testing.StringTransport()
        self.channel.makeConnection(self.transport)

    def exchange(self, data: bytes) -> list[str]:
        """Return the lines of the answer to data, except the Server and Date headers."""
        self.transport.clear()
        self.channel.dataReceived(data)
        lines = self.transport.value().decode().splitlines()
        return [line for line in lines if not line.startswith(("Server:", "Date:"))]

    def test_get(self) -> None:
        """At any path, GET is answered with the page, and HEAD with its headers."""
        for path in b"/ /a/../b //%2e /favicon.ico /?tz=UTC /\x80".split():
            request = b" %b HTTP/1.1\r\n%b" % (path, FIELDS)
            self.assertCountEqual(self.exchange(b"GET" + request), [*HEAD, BODY], path)
            self.assertCountEqual(self.exchange(b"HEAD" + request), HEAD, path)

    def test_post(self) -> None:
        """POST is refused, and its form is not parsed."""
        self.site.log = Mock()  # Receives the request.
        start = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n"
        kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
        answer = self.exchange(start + kind + FIELDS + b"a=b")
        self.flushWarnings()  # Twisted has deprecated a class that it uses for 405.
        self.assertIn("HTTP/1.1 405 Method Not Allowed", answer)
        self.assertEqual(self.site.log.call_args.args[0].args, {})

    def test_silence(self) -> None:
        """A GET is neither logged nor printed."""
        self.site.doStart()  # As a listening port does. This opens the site's log.
        output = StringIO()
        with capturedLogs() as log, patch.multiple(sys, stdout=output, stderr=output):
            self.assertIn(BODY, self.exchange(b"GET / HTTP/1.1\r\n" + FIELDS))
        self.assertEqual((log, output.getvalue()), ([], ""))

    def test_idle(self) -> None:
        """A connection is closed when its client has sent nothing for a minute."""
        self.exchange(b"GET / HTTP/1.1\r\n" + FIELDS)
        self.reactor.advance(60)
        self.assertTrue(self.transport.disconnecting)


class ScriptTests(unittest.SynchronousTestCase):
    """Tests of the script as it runs."""

    def setUp(self) -> None:
        self.printed = BytesIO()
        self.patch(sys, "stdout", TextIOWrapper(self.printed, "utf-8"))  # Buffered
        self.reactor = testing.MemoryReactorClock()

    def runAs(self, name: str) -> dict[str, object]:
        """Run clock.py under a name, on the test's reactor; return what it defines."""
        with AlternateReactor(self.reactor):
            return runpy.run_path(clock.__file__, run_name=name)

    @patch("sys.stderr", new_callable=StringIO)
    def test_script(self, stderr: StringIO) -> None:
        """The script listens on this computer, and prints its address when it runs."""
        self.reactor.callWhenRunning(self.printed.write, b"running\n")
        self.patch(self.reactor, "stop", lambda: self.printed.write(b"stopped\n"))
        self.runAs("__main__")
        self.assertEqual(self.reactor.tcpServers, [(8880, ANY, 1024, "127.0.0.1")])
        sentence = b"Serving on http://127.0.0.1:8880/ (Ctrl-C stops)\n"
        self.assertEqual(self.printed.getvalue(), b"running\n%bstopped\n" % sentence)
        self.assertEqual(stderr.getvalue(), "")

    def test_hostAndPort(self) -> None:
        """main listens on HOST and PORT, and prints them, or localhost for no HOST."""
        self.patch(clock, "PORT", 9000)
        for host, name in ("127.0.0.2", "127.0.0.2"), ("", "localhost"):
            self.patch(clock, "HOST", host)
            clock.main(self.reactor)
            self.assertEqual(self.reactor.tcpServers.pop(), (9000, ANY, ANY, host))
            self.assertIn(f" http://{name}:9000/ ".encode(), self.printed.getvalue())

    def test_cannotListen(self) -> None:
        """If the script cannot listen, it exits with the reason, and does not retry."""
        reason = error.CannotListenError("127.0.0.1", 8880, OSError(13, "Denied"))
        self.patch(self.reactor, "listenTCP", Mock(side_effect=[reason, None]))
        end = self.assertRaises(SystemExit, self.runAs, "__main__")
        self.assertEqual(str(end.code), str(reason))

    def test_otherError(self) -> None:
        """No other error is caught."""
        self.patch(self.reactor, "listenTCP", Mock(side_effect=[OSError, None]))
        self.assertRaises(OSError, self.runAs, "__main__")

    def test_import(self) -> None:
        """Importing the module imports no reactor, and prints nothing."""
        self.assertNotIn(self.reactor, self.runAs("clock").values())
        sys.stdout.flush()
        self.assertEqual(self.printed.getvalue(), b"")
