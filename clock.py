"""Serve a web page with the current time, generated for each request."""

import time
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.web import http, resource, server

HOST = "127.0.0.1"  # This computer only. "" opens it to others: read README.md first.
PORT = 8880
# Raw, and filled by replace(), so that CSS you add keeps its backslashes and braces.
PAGE = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Clock</title>
</head>
<body><time datetime="{utc}">{local}</time></body>
</html>
"""


class ClockPage(resource.Resource):
    """The page. render_METHOD answers METHOD, and render_GET answers HEAD, too."""

    isLeaf = True  # The page answers at every path. Children added to it are ignored.

    def render_GET(self, request: server.Request) -> bytes:
        """Return HTML as UTF-8 bytes: the time in the server's time zone and in UTC.

        A str would get a 500. Nobody else is answered until this returns: a slow page
        returns server.NOT_DONE_YET (an int) and calls request.finish() when it is done.
        """
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")  # A cached time would be old.
        now = time.time()
        utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        return PAGE.replace("{utc}", utc).replace("{local}", time.ctime(now)).encode()


class ClockSite(server.Site):
    """A site that logs no requests."""

    def log(self, request: http.Request) -> None:
        """Do nothing: Site would make a line for each request, which nobody sees.

        To see requests, print(request.method, request.uri, flush=True) here. To use
        logPath or Twisted's own log, delete log(): it keeps requests out of both.
        """


def main(reactor: Any) -> None:
    """Run the site and its timeouts on reactor. Exit if HOST or PORT cannot be used."""
    # Twisted would parse forms of any size, only to answer 405. If you add render_POST,
    # delete parsePOSTFormSubmission=False, which keeps form fields out of request.args.
    site = ClockSite(ClockPage(), parsePOSTFormSubmission=False, reactor=reactor)
    try:  # The backlog lets 1024 clients wait to be accepted; by default, it is 50.
        reactor.listenTCP(PORT, site, backlog=1024, interface=HOST)
    except CannotListenError as reason:
        raise SystemExit(str(reason))
    message = f"Serving on http://{HOST or 'localhost'}:{PORT}/ (Ctrl-C stops)"
    reactor.callWhenRunning(print, message, flush=True)  # Printed once Ctrl-C works.
    reactor.run()


if __name__ == "__main__":
    from twisted.internet import reactor  # Not at the top: this installs an event loop.

    main(reactor)
