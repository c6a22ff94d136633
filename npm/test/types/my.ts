/// <reference types="@mini-types/my" />
import WebsocketHeartbeat from 'websocket-heartbeat';

async function f() {
  const task = await WebsocketHeartbeat({ miniprogram: my, connectSocketParams: { url: 'wss://a', multiple: true, data: {} } });
  task.onMessage = event => { void event.data; const b: boolean | undefined = event.isBuffer; void b; };
  task.onClose = event => { void event.code; };
  task.send({ data: 'AAAA', isBuffer: true });
  task.onError = event => { void event.errorMessage; };
  await WebsocketHeartbeat({ miniprogram: my, connectSocketParams: async () => ({ url: 'wss://a' }) });
}
void f;
