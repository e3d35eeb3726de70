"""A clock that you can fetch: a web page with the time, made anew for each request."""

import time
from io import BytesIO
from socket import SOMAXCONN
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.protocols.basic import LineReceiver
from twisted.web import http, resource, server

PORT = 8880
PAGE = r"""<!DOCTYPE html>
<html lang="en">
<title>Clock</title>
<meta name="viewport" content="width=device-width">
<body>
<time datetime="{utc}">{local}</time>
</html>
"""


class ClockPage(resource.Resource):
    """The system clock at every path, for GET and HEAD; 405 for any other method."""

    isLeaf = True

    def render(self, request: server.Request) -> bytes:
        """Called by the request, whatever its method: return the body."""
        # With Resource.render, Twisted logs each HEAD's request and fails on some 405s.
        if request.method not in (b"GET", b"HEAD"):
            request.setResponseCode(http.NOT_ALLOWED)
            request.setHeader(b"Allow", b"GET, HEAD")
            request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            return b"This is a clock: GET it to read the time.\n"
        page = self.render_GET(request)
        request.setHeader(b"Content-Length", b"%d" % len(page))
        return page if request.method == b"GET" else b""

    def render_GET(self, request: server.Request) -> bytes:
        """Return HTML in UTF-8: the time in the server's zone, its datetime in UTC."""
        now = time.time()
        utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        return PAGE.replace("{utc}", utc).replace("{local}", time.ctime(now)).encode()


class ClockChannel(http.HTTPChannel):
    """HTTP that its transport pauses while the client does not read, and then resumes.

    HTTPChannel pauses a page half sent, but reads on while it handles a request, as it
    does when it sends this page; LineReceiver, its base, stops reading and parsing.
    """

    def pauseProducing(self) -> None:
        super().pauseProducing()
        LineReceiver.pauseProducing(self)

    def resumeProducing(self) -> None:
        super().resumeProducing()
        LineReceiver.resumeProducing(self)


class Discard(BytesIO):
    """A file that takes all that is written and keeps none of it."""

    def write(self, data: Any) -> int:
        return len(data)


class ClockSite(server.Site):
    """The page over HTTP, with no body kept and no access log."""

    protocol: type = ClockChannel

    def getContentFile(self, length: int | None) -> Discard:
        """Called by Request.gotLength, for a file to write the body to."""
        return Discard()

    def startFactory(self) -> None:
        """Do nothing: Site would open an access log, and date its lines each second."""


def main(reactor: Any) -> None:
    """Serve the clock on PORT until it is stopped, or raise SystemExit and say why."""
    try:
        reactor.listenTCP(PORT, ClockSite(ClockPage(), reactor=reactor), SOMAXCONN)
    except (CannotListenError, OSError) as error:  # OSError: port taken after bind().
        raise SystemExit(str(error))
    address = f"http://localhost:{PORT}/ (Ctrl-C stops)"
    # Printed by the running reactor: before it runs, Ctrl-C would not end it cleanly.
    reactor.callWhenRunning(print, address, flush=True)
    reactor.run()


if __name__ == "__main__":
    from twisted.internet import reactor

    main(reactor)
