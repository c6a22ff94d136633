"""The fuzzing server of the Autobahn test suite, without its deflate cases (Python 2).

Each case is reported on stdout when it ends, and no files are written. The options and the end are
those of node_ws.js beside this file. Unlike `wstest`, it listens on the given address only.
"""

from __future__ import print_function

import argparse
import json
import os
import sys
import threading

from autobahntestsuite.fuzzing import FuzzingServerFactory, FuzzingServerProtocol
from twisted.internet import reactor

LIFE_S = 10 * 60

# The suite fails a case if the client has not answered after half a second or a second. On a loaded
# machine a correct client can be slower.
PATIENCE = 20


def report(what, **fields):
    print(json.dumps(dict(report=what, **fields)))
    sys.stdout.flush()


def exit_with_stdin():
    sys.stdin.read()
    os._exit(0)


class Protocol(FuzzingServerProtocol):
    def killAfter(self, delay):
        FuzzingServerProtocol.killAfter(self, delay * PATIENCE)

    def closeAfter(self, delay):
        FuzzingServerProtocol.closeAfter(self, delay * PATIENCE)

    def continueLater(self, delay, function, tag=None):
        # With this tag, cases 6.4.1 to 6.4.4 wait for a client that fails fast. Two of them wait for
        # the whole time, so it is not longer.
        delay = delay * 4 if tag == "B" else delay
        FuzzingServerProtocol.continueLater(self, delay, function, tag)


class Factory(FuzzingServerFactory):
    protocol = Protocol

    def __init__(self, spec):
        FuzzingServerFactory.__init__(self, spec)
        # The log of bytes, which costs time and decides nothing. Case 10.1.1 counts the frames that
        # are logged.
        self.logOctets = False

    def logCase(self, case):
        report(
            "case",
            id=case["id"],
            behavior=case["behavior"],
            behavior_close=case["behaviorClose"],
            explanation="{result} {resultClose} Expected {expected}, received {received}".format(
                **case
            ),
        )


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--host", required=True)
    arguments.add_argument("--port", type=int, required=True)
    options = arguments.parse_args()
    reader = threading.Thread(target=exit_with_stdin)
    reader.daemon = True
    reader.start()
    factory = Factory(
        {
            "url": "ws://localhost",
            "cases": ["*"],
            "exclude-cases": ["12.*", "13.*"],
            "exclude-agent-cases": {},
            "options": {"openHandshakeTimeout": PATIENCE, "closeHandshakeTimeout": PATIENCE},
        }
    )
    listener = reactor.listenTCP(options.port, factory, interface=options.host)
    port = listener.getHost().port
    # It refuses a request with another port in `Host`.
    factory.setSessionParameters(url="ws://{}:{}".format(options.host, port))
    reactor.callLater(LIFE_S, reactor.stop)
    reactor.callWhenRunning(report, "listening", port=port)
    reactor.callWhenRunning(report, "cases", count=len(factory.specCases))
    reactor.run()


main()
