"""A clock that you can fetch: a web page with the time, made anew for each request."""

import time
from io import BytesIO
from typing import Any

from twisted.internet.error import CannotListenError
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


class Nowhere(BytesIO):
    def write(self, data: object) -> int:
        """Keep nothing, so that there is nothing to read."""
        return 0


class ClockSite(server.Site):
    """A site that spends nothing on what a clock does not need."""

    def getContentFile(self, length: int | None) -> BytesIO:
        """Keep no request body, of whatever size: the page reads none."""
        return Nowhere()

    def log(self, request: http.Request) -> None:
        """Keep no access log: its lines take time to format, and nobody sees them."""


def main(reactor: Any) -> None:
    """Serve the clock on port 8880 until stopped, or exit with 1 if it is taken."""
    try:
        reactor.listenTCP(8880, ClockSite(ClockPage()))
    except CannotListenError as error:
        raise SystemExit(str(error))
    # Only a running reactor handles signals, and who reads this may stop it at once.
    reactor.callWhenRunning(print, "http://localhost:8880/ (Ctrl-C stops)", flush=True)
    reactor.run()


if __name__ == "__main__":
    from twisted.internet import reactor

    main(reactor)
