/// <reference types="miniprogram-api-typings" />
import WebsocketHeartbeat, { type Task } from 'websocket-heartbeat';

async function f() {
  const task = await WebsocketHeartbeat({
    miniprogram: wx,
    connectSocketParams: { url: 'wss://a', header: { token: '' }, protocols: ['a'], tcpNoDelay: true, somethingNew: 1 },
    pingMsg: () => new ArrayBuffer(1),
    backoff: { cap: 1 }, keep: { count: 1 },
  });
  task.onMessage = event => { const data: string | ArrayBuffer = event.data; void data; };
  task.onMessage = (event: WechatMiniprogram.SocketTaskOnMessageListenerResult) => { void event.data; };
  task.onOpen = (event: WechatMiniprogram.OnOpenListenerResult) => { void event.header; };
  task.onClose = event => { void event.code; };
  task.onClose = (event: WechatMiniprogram.SocketTaskOnCloseListenerResult) => { void event.code; };
  task.socketTask?.onMessage(event => { void event.data; });
  const socket: WechatMiniprogram.SocketTask | null = task.socketTask;
  void socket;
  task.send({ data: 'x', success: () => {} });
  task.close({ code: 1000, reason: 'x', complete: () => {} });
  task.opts.connectSocketParams.url = 'wss://b';
  const any: Task = task as Task;
  void any;
  // @ts-expect-error The name of the platform is not the platform.
  WebsocketHeartbeat({ miniprogram: 'wx', connectSocketParams: { url: '' } });
  // @ts-expect-error No url.
  WebsocketHeartbeat({ miniprogram: wx, connectSocketParams: {} });
  // @ts-expect-error A number.
  WebsocketHeartbeat({ miniprogram: wx, connectSocketParams: { url: '' }, pingTimeout: '1' });
  // @ts-expect-error A wrong type of a known parameter.
  WebsocketHeartbeat({ miniprogram: wx, connectSocketParams: { url: '', protocols: 1 } });
}
void f;
