import Taro from '@tarojs/taro';
import WebsocketHeartbeat from 'websocket-heartbeat';

async function f() {
  const task = await WebsocketHeartbeat({ miniprogram: Taro, connectSocketParams: { url: 'wss://a' } });
  task.onMessage = event => { void event.data; };
  const socket: Taro.SocketTask | null = task.socketTask;
  void socket;
}
void f;
