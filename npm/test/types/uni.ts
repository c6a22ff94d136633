/// <reference types="@dcloudio/types" />
import WebsocketHeartbeat from 'websocket-heartbeat';

async function f() {
  const task = await WebsocketHeartbeat({ miniprogram: uni, connectSocketParams: { url: 'wss://a', multiple: true } });
  task.onMessage = event => { void event.data; };
  task.socketTask?.onOpen(() => {});
  task.send({ data: 'x' });
}
void f;
