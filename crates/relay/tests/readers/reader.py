"""Prints the data of a subscription in their order, and asks for what may be missing.

python3 reader.py nats://127.0.0.1:4222 GROUP NAME       (needs nats-py)
"""

import asyncio
import json
import sys

import nats


def backfill(gap):
    """Ask the upstream's history for this time here, by its own interface.

    `certain`: an owner recorded the beginning itself. Otherwise `from` is when the last stored message was
    received, and the upstream may have sent more just before. Both times are those of workers: a message
    that was on its way at `from` was sent before it.
    """
    about = "from" if gap["certain"] else "from shortly before"
    print(f"ask for what was sent {about} {gap['from']} to {gap['to']}", flush=True)


async def main(server, group, name):
    client = await nats.connect(server)
    # Data and records of one subscription are in one stream, so in one order.
    messages = await client.jetstream().subscribe(
        f"wsb.{group}.*.{name}", stream=f"WSB_{group}", ordered_consumer=True
    )
    async for message in messages.messages:
        record = (message.headers or {}).get("Wsb-Record")
        if record is None:
            print("data", message.data.decode(), flush=True)
        elif record == "gap":
            backfill(json.loads(message.data))
        else:
            # The owner, its connections, and their ends.
            print("record", record, flush=True)


if len(sys.argv) != 4:
    sys.exit("reader.py SERVER GROUP NAME")
asyncio.run(main(*sys.argv[1:]))
