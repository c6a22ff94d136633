import { load } from 'websocket-heartbeat/wasm';

declare const WXWebAssembly: { instantiate(path: string, imports: object): Promise<{ exports: object }> };
declare const wx: { connectSocket(params: { url: string }): { readyState: number } };

async function f() {
  const { WebsocketHeartbeat } = await load('/miniprogram_npm/websocket-heartbeat/core.wasm.br', WXWebAssembly);
  const task = await WebsocketHeartbeat({ miniprogram: wx, connectSocketParams: { url: 'wss://a' } });
  task.onMessage = ({ data }) => { void data; };
  const { WebsocketHeartbeatJs } = await load(new Uint8Array(1));
  new WebsocketHeartbeatJs({ url: 'wss://a' }).close();
  // @ts-expect-error No source.
  await load();
}
void f;
