// The loop that one would write by hand with ws and @nats-io/jetstream.

import { connect } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";
import WebSocket from "ws";

const WINDOW = 1000;

function relay(client, upstream, group, name) {
  const subject = `wsb.${group}.in.${name}`;
  const socket = new WebSocket(`ws://${upstream}/${name}`, { perMessageDeflate: false });
  let pending = 0;
  const failed = (error) => {
    console.error(error);
    process.exit(1);
  };
  socket.on("error", failed);
  socket.on("close", () => failed("the upstream has closed"));
  socket.on("message", (data) => {
    const number = JSON.parse(data.toString()).seq;
    pending += 1;
    if (pending === WINDOW) socket.pause();
    client.publish(subject, data, { msgID: `${name}:i:${number}` }).then(() => {
      pending -= 1;
      if (pending < WINDOW) socket.resume();
    }, failed);
  });
}

const [url, upstream, group, ...names] = process.argv.slice(2);
const connection = await connect({ servers: url.replace("nats://", "") });
const client = jetstream(connection);
for (const name of names) relay(client, upstream, group, name);
