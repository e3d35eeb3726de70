"""A clock that you can fetch: a web page with the time, made anew for each request."""

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
"""


class ClockPage(resource.Resource):
    """The system clock at every path, for GET and HEAD; 405 for any other method."""

    isLeaf = True

    def render_GET(self, request: server.Request) -> bytes:
        """Return HTML in UTF-8, with the time in the server's time zone and in UTC."""
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        now = time.time()
        utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        return PAGE.replace("{utc}", utc).replace("{local}", time.ctime(now)).encode()

    def render_HEAD(self, request: server.Request) -> bytes:
        """Set GET's headers and return no body. Twisted would log a warning for one."""
        page = self.render_GET(request)
        if not isinstance(page, bytes):
            return page  # NOT_DONE_YET, if sent later. Twisted sends 500 for the rest.
        request.setHeader(b"Content-Length", b"%d" % len(page))
        return b""

    def render(self, request: server.Request) -> bytes:
        """Call render_GET for GET, and so on. Answer 405 if that method is missing."""
        try:
            return super().render(request)
        except error.UnsupportedMethod as refused:  # Twisted sends 501 to all but POST.
            request.setResponseCode(http.NOT_ALLOWED)
            request.setHeader(b"Allow", b", ".join(sorted(refused.allowedMethods)))
            request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            return b"This is a clock: GET it to read the time.\n"


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
        self.paused = False
        self.dataReceived(b"")


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

    def log(self, request: http.Request) -> None:
        """Log nothing. To log, print(request.method, request.uri, flush=True) here."""


def main(reactor: Any) -> None:
    """Serve the clock on PORT until it is stopped, or raise SystemExit and say why."""
    try:
        reactor.listenTCP(PORT, ClockSite(ClockPage(), reactor=reactor), backlog=65535)
    except (CannotListenError, OSError) as reason:  # OSError: port taken after bind().
        raise SystemExit(str(reason))
    address = f"http://localhost:{PORT}/ (Ctrl-C stops)"
    # Printed by the running reactor: before it runs, Ctrl-C would not end it cleanly.
    reactor.callWhenRunning(print, address, flush=True)
    reactor.run()


if __name__ == "__main__":
    from twisted.internet import reactor

    main(reactor)
