"""A WebSocket server by Python's `websockets`.

The URL's path chooses how it behaves; the behaviours, the options, the reports on stdout and the
end of it all are those of node_ws.js beside this file.
"""

import argparse
import asyncio
import itertools
import json
import logging
import os
import socket
import struct
import sys
import threading
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

LIFE_S = 10 * 60


def report(what, **fields):
    print(json.dumps({"report": what, **fields}), flush=True)


def exit_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


class Connection(ServerConnection):
    """Reports pings and pongs, and can collect its output, to send it in one write."""

    numbers = itertools.count(1)
    number = 0
    corked = False

    def process_event(self, event):
        opcode = getattr(event, "opcode", None)
        if opcode in (Opcode.PING, Opcode.PONG):
            payload = bytes(event.data).decode("latin-1")
            report(opcode.name.lower(), connection=self.number, payload=payload)
        super().process_event(event)

    def send_data(self):
        if not self.corked:
            super().send_data()

    def uncork(self):
        self.corked = False
        pieces = self.protocol.data_to_send()
        self.transport.write(b"".join(pieces))


def parts(connection):
    url = urlsplit(connection.request.path)
    name, _, argument = url.path[1:].partition("/")
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    return name, argument, query


async def opened(connection, query):
    """Waits for the event that `after` names."""
    if query.get("after") != "open":
        await connection.recv()


async def echo(connection, argument, query):
    async for message in connection:
        await connection.send(message)


async def silent(connection, argument, query):
    async for _ in connection:
        pass


async def frozen(connection, argument, query):
    connection.transport.pause_reading()
    await asyncio.Event().wait()


async def close(connection, argument, query):
    await opened(connection, query)
    await connection.close(int(argument), query.get("reason", ""))


async def drop(connection, argument, query):
    await opened(connection, query)
    if query.get("how") == "reset":
        # Closing with a linger time of zero sends RST.
        linger = struct.pack("ii", 1, 0)
        connection.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
    connection.transport.abort()


async def first_frame_with_101(connection, argument, query):
    await connection.send("first")
    connection.uncork()
    await silent(connection, argument, query)


async def headers(connection, argument, query):
    fields = {name.lower(): value for name, value in connection.request.headers.raw_items()}
    await connection.send(json.dumps({"subprotocol": connection.subprotocol, "headers": fields}))
    await silent(connection, argument, query)


async def large(connection, argument, query):
    count = int(query["bytes"])
    pattern = bytes(range(251)) * (count // 251 + 1)
    await connection.send(pattern[:count])
    await silent(connection, argument, query)


async def fragmented(connection, argument, query):
    count = int(query["count"])

    async def fragments():
        for i in range(count):
            if i == count // 2:
                await connection.ping("between")
            yield f"{i} "

    await connection.send(fragments())
    await silent(connection, argument, query)


async def ping(connection, argument, query):
    count = int(query["count"])
    for i in range(count):
        await (await connection.ping(f"ping {i}"))
    await connection.send(f"pongs {count}")
    await silent(connection, argument, query)


async def ticks(connection, argument, query):
    for count in itertools.count():
        await connection.send(str(count))
        await asyncio.sleep(int(query["every"]) / 1000)


BEHAVIOURS = {
    "echo": echo,
    "silent": silent,
    "frozen": frozen,
    "close": close,
    "drop": drop,
    "first-frame-with-101": first_frame_with_101,
    "headers": headers,
    "large": large,
    "fragmented": fragmented,
    "ping": ping,
    "ticks": ticks,
}


async def before_upgrade(connection, request):
    name, argument, query = parts(connection)
    if name == "hang":
        await asyncio.Event().wait()
    if name != "refuse" and name not in BEHAVIOURS:
        name, argument = "refuse", "404"
    if name == "refuse":
        answer = connection.respond(int(argument), f"refused with {argument}")
        answer.headers["X-Refused-By"] = "peer"
        if "retry-after" in query:
            answer.headers["Retry-After"] = query["retry-after"]
        return answer
    connection.number = next(Connection.numbers)
    connection.corked = name == "first-frame-with-101"
    return None


async def handle(connection):
    name, argument, query = parts(connection)
    report("open", connection=connection.number, path=urlsplit(connection.request.path).path)
    try:
        await BEHAVIOURS[name](connection, argument, query)
    except ConnectionClosed:
        pass
    await connection.wait_closed()
    report(
        "closed",
        connection=connection.number,
        code=connection.close_code,
        reason=connection.close_reason or "",
    )


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--host", required=True)
    arguments.add_argument("--port", type=int, required=True)
    options = arguments.parse_args()
    logging.getLogger("websockets").addHandler(logging.NullHandler())
    threading.Thread(target=exit_with_stdin, daemon=True).start()
    server = await serve(
        handle,
        options.host,
        options.port,
        create_connection=Connection,
        process_request=before_upgrade,
        select_subprotocol=lambda _, offered: offered[0] if offered else None,
        open_timeout=None,
        ping_interval=None,
        max_size=64 * 1024 * 1024,
    )
    report("listening", port=server.sockets[0].getsockname()[1])
    await asyncio.sleep(LIFE_S)
    os._exit(0)


asyncio.run(main())
