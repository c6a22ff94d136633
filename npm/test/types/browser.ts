import WebsocketHeartbeatJs from 'websocket-heartbeat/browser';

const heartbeat = new WebsocketHeartbeatJs({ url: async () => 'wss://a', protocols: ['a'], pingMsg: () => new Blob([]), repeatLimit: null });
heartbeat.onmessage = event => { void event.data; };
heartbeat.onclose = (event: CloseEvent) => { void event.code; };
heartbeat.onopen = () => {};
heartbeat.onerror = (event: Event) => { void event; };
heartbeat.onreconnect = ({ attempt, delay, cause }) => { void [attempt.toFixed(), delay.toFixed(), cause.length]; };
heartbeat.onend = ({ reason }) => { if (reason === 'attempts_exhausted') heartbeat.close(); };
heartbeat.send(new Uint8Array(1));
heartbeat.ws.addEventListener('open', () => {});
const accepted: boolean = heartbeat.send('x');
void accepted;
new WebsocketHeartbeatJs({ url: 'ws://a', WebSocket });
// @ts-expect-error The url is missing.
new WebsocketHeartbeatJs({});
// @ts-expect-error A number cannot be sent.
heartbeat.send(1);
