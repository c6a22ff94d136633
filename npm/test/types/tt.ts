/// <reference types="@douyin-microapp/typings" />
import WebsocketHeartbeat from 'websocket-heartbeat';

async function f() {
  const task = await WebsocketHeartbeat({ miniprogram: tt, connectSocketParams: { url: 'wss://a', header: {} } });
  task.onMessage = event => { void event.data; void event.protocolType; };
  task.onClose = event => { const code: string | number | undefined = event.code; void code; };
  task.socketTask?.onClose(event => { void event.reason; });
}
void f;
