"""The loop that one would write by hand with websockets and nats-py."""

import asyncio
import collections
import json
import sys

import nats
import websockets

WINDOW = 1000


async def relay(jetstream, upstream, group, name):
    subject = f"wsb.{group}.in.{name}"
    acks = collections.deque()
    async with websockets.connect(f"ws://{upstream}/{name}", compression=None) as socket:
        async for text in socket:
            if len(acks) >= WINDOW:
                await acks.popleft()
            while acks and acks[0].done():
                acks.popleft().result()
            number = json.loads(text)["seq"]
            headers = {"Nats-Msg-Id": f"{name}:i:{number}"}
            ack = await jetstream.publish_async(subject, text.encode(), headers=headers)
            acks.append(ack)


async def main():
    url, upstream, group, *names = sys.argv[1:]
    connection = await nats.connect(url)
    pending = WINDOW * len(names)
    jetstream = connection.jetstream(publish_async_max_pending=pending)
    await asyncio.gather(*(relay(jetstream, upstream, group, name) for name in names))


asyncio.run(main())
