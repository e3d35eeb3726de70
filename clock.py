"""Serve a web page with the current time, generated for each request."""

import time
from io import BytesIO
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.protocols.basic import LineReceiver
from twisted.web import error, http, resource, server

PORT = 8880
PAGE = r"""<!DOCTYPE html>
<html lang="en">
<title>Clock</title>
<meta name="viewport" content="width=device-width">
<body>
<time datetime="{utc}">{local}</time>
</html>
"""  # A raw string, filled by replace(), so that CSS with \ and {} can be added.


class ClockPage(resource.Resource):
    """The page, for GET and HEAD. To answer POST, add render_POST, and see Discard."""

    isLeaf = True  # This page has no child resources: it answers at every path.

    def render_GET(self, request: server.Request) -> bytes:
        """Return HTML in UTF-8, with the time in the server's time zone and in UTC."""
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        now = time.time()
        utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        return PAGE.replace("{utc}", utc).replace("{local}", time.ctime(now)).encode()

    def render_HEAD(self, request: server.Request) -> bytes:
        """Set GET's headers, but return no body. Twisted warns of a body in its log."""
        page = self.render_GET(request)
        if not isinstance(page, bytes):
            return page  # NOT_DONE_YET, to answer later. Any other value gets a 500.
        request.setHeader(b"Content-Length", b"%d" % len(page))
        return b""

    def render(self, request: server.Request) -> bytes:
        """Call render_GET for GET, and so on. Answer 405 if that method is missing."""
        try:
            return super().render(request)
        except error.UnsupportedMethod as refused:  # Twisted mostly sends 501 instead.
            request.setResponseCode(http.NOT_ALLOWED)
            request.setHeader(b"Allow", b", ".join(sorted(refused.allowedMethods)))
            request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            return b"This is a clock: GET it to read the time.\n"


class ClockChannel(http.HTTPChannel):
    """A connection that answers no faster than its client reads, to save memory."""

    def pauseProducing(self) -> None:  # Called when the send buffer is full.
        super().pauseProducing()
        LineReceiver.pauseProducing(self)  # HTTPChannel reads on during a request.

    def resumeProducing(self) -> None:  # Called when the send buffer is empty again.
        super().resumeProducing()  # Reads again, unless a request is being handled.
        self.paused = False  # While this is true, LineReceiver parses no data.
        self.dataReceived(b"")  # Continues with the data read before the pause.


class Discard(BytesIO):
    """Discards request bodies. To read them, delete ClockSite.getContentFile."""

    def write(self, data: Any) -> int:
        return len(data)


class ClockSite(server.Site):
    """A site that, unlike Site, stores no request bodies and logs no requests."""

    protocol: type = ClockChannel

    def getContentFile(self, length: int | None) -> Discard:  # Called by Request.
        return Discard()

    def log(self, request: http.Request) -> None:
        """Log nothing. To log, print(request.method, request.uri, flush=True) here."""


def main(reactor: Any) -> None:
    """Serve on PORT of all IPv4 interfaces. Raise SystemExit if PORT is unavailable."""
    try:  # A long backlog lets many clients connect at once. The kernel limits it.
        reactor.listenTCP(PORT, ClockSite(ClockPage(), reactor=reactor), backlog=65535)
    except (CannotListenError, OSError) as reason:  # From bind() and from listen().
        raise SystemExit(str(reason))
    address = f"http://localhost:{PORT}/ (Ctrl-C stops)"
    reactor.callWhenRunning(print, address, flush=True)  # By then, Ctrl-C is handled.
    reactor.run()


if __name__ == "__main__":
    from twisted.internet import reactor  # Not at the top: this installs an event loop.

    main(reactor)
