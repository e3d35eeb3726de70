"""A clock that you can fetch: a web page with the time, made anew for each request."""

import time
from io import BytesIO
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><title>Clock</title></head>
<body><time datetime="{iso}">{text}</time></body>
</html>
"""


class ClockPage(Resource):
    """The system clock, in the server's local time zone, at every path."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """Return an HTML page in UTF-8 with the time of this request."""
        now = time.localtime()
        iso = time.strftime("%Y-%m-%dT%H:%M:%S%z", now)
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        return PAGE.format(iso=iso, text=time.asctime(now)).encode()


class Nowhere(BytesIO):
    def write(self, data: object) -> int:
        """Keep nothing, so that there is nothing to read."""
        return 0


class ClockSite(Site):
    """A site that spends nothing on what a clock does not need."""

    def getContentFile(self, length: int | None) -> BytesIO:
        """Keep no request body, of whatever size: the page reads none."""
        return Nowhere()

    def log(self, request: Request) -> None:
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
