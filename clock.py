"""A clock that you can fetch: a web page with the time, made anew for each request."""

import time
from io import BytesIO
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.protocols.basic import LineReceiver
from twisted.web import http, resource, server

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<title>Clock</title>
<meta name="viewport" content="width=device-width">
<time datetime="{utc}">{local}</time>
</html>
"""


class ClockPage(resource.Resource):
    """The system clock at every path, for GET and HEAD; 405 for any other method."""

    isLeaf = True

    def render(self, request: http.Request) -> bytes:
        """Return any method's body: left to Twisted, HEAD and 405 can fill the log."""
        if request.method == b"GET":
            return self.render_GET(request)
        if request.method == b"HEAD":
            request.setHeader(b"Content-Length", b"%d" % len(self.render_GET(request)))
            return b""
        request.setResponseCode(http.NOT_ALLOWED)
        request.setHeader(b"Allow", b"GET, HEAD")
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        return b"This is a clock: GET it to read the time.\n"

    def render_GET(self, request: http.Request) -> bytes:
        """Return HTML in UTF-8: the time in the server's zone, its datetime in UTC."""
        now = time.time()
        utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        return PAGE.format(utc=utc, local=time.ctime(now)).encode()


class ClockChannel(http.HTTPChannel):
    """HTTP that waits for its client to read: HTTPChannel alone would answer on."""

    def pauseProducing(self) -> None:
        """Called by the transport when its buffer is full: read and parse no more."""
        super().pauseProducing()
        LineReceiver.pauseProducing(self)

    def resumeProducing(self) -> None:
        """Called by the transport when its buffer is empty: read and parse again."""
        super().resumeProducing()
        LineReceiver.resumeProducing(self)


class Discard(BytesIO):
    """A file that takes all that is written and keeps none of it."""

    def write(self, data: Any) -> int:
        return len(data)


class ClockSite(server.Site):
    """The page over HTTP, with no body kept and no access log."""

    protocol: Any = ClockChannel  # Any, since Site's is a proxy for HTTP/2.

    def getContentFile(self, length: int | None) -> Discard:
        """Called by Request.gotLength, for a file to write the body to."""
        return Discard()

    def startFactory(self) -> None:
        """Called as the port opens: set up no access log, so no line is formatted."""


def main(reactor: Any) -> None:
    """Serve the clock on port 8880 until stopped, or raise SystemExit and say why."""
    try:
        reactor.listenTCP(8880, ClockSite(ClockPage(), reactor=reactor))
    except CannotListenError as error:
        raise SystemExit(str(error))
    # Printed by the running reactor: before it runs, Ctrl-C would not end it cleanly.
    reactor.callWhenRunning(print, "http://localhost:8880/ (Ctrl-C stops)", flush=True)
    reactor.run()


if __name__ == "__main__":
    from twisted.internet import reactor

    main(reactor)
