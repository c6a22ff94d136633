import type { CommonOptions, End, Retry, Silence } from './common.js';
export type { Backoff, Cause, CommonOptions, End, Keep, Retry, Silence } from './common.js';

/** What a WebSocket can send. */
export type Payload = Parameters<WebSocket['send']>[0];

/** The class WebSocket, or another of its form, such as that of the npm package `ws`. */
export type WebSocketClass = new (url: string, protocols?: any) => {
  send(data: any, ...rest: any[]): void;
  close(code?: number, reason?: string): void;
};

type PerAttempt<T> = T | ((attempt: number) => T | Promise<T>);

export interface Options extends CommonOptions {
  /** The url, or a function that returns it for each attempt, for a new token each time. */
  url: PerAttempt<string | URL>;
  /** Subprotocols, or a function that returns them for each attempt. */
  protocols?: PerAttempt<string | string[]>;
  /** The heartbeat, or a function that makes it. Default: `heartbeat`. */
  pingMsg?: Payload | (() => Payload);
  /** How binary messages arrive. Default: that of the platform, which is `blob` in browsers. */
  binaryType?: 'blob' | 'arraybuffer';
  /** Default: the global one. */
  WebSocket?: WebSocketClass;
}

/** A message that was accepted and not written. */
export interface Unsent {
  data: Payload;
  /**
   * `dropped`: it was not sent. `unknown`: it was passed to a connection that was then lost. `refused`:
   * `WebSocket.send` threw an error.
   */
  fate: 'dropped' | 'unknown' | 'refused';
}

export default class WebsocketHeartbeatJs {
  /**
   * Begins a session.
   * @throws TypeError or RangeError for an option that is missing or wrong, and what the constructor
   *   of the first WebSocket throws
   */
  constructor(options: Options);
  /** The options. `url` and `protocols` may be replaced: the next attempt reads them. */
  readonly opts: Options;
  /** The current WebSocket, another one after each reconnect. If `url` or `protocols` is a function, `null` before the first. */
  readonly ws: WebSocket;
  /** The number of the attempt since a connection was open. */
  readonly repeat: number;
  /** Whether the next attempt waits for its delay. */
  readonly lockReconnect: boolean;
  /** Whether there will be no further attempt. */
  readonly forbidReconnect: boolean;
  onopen: (event: Event) => void;
  onmessage: (event: MessageEvent) => void;
  /** The code is 1006 if the platform reported no close. */
  onclose: (event: CloseEvent) => void;
  onerror: (event: Event) => void;
  /** An attempt is scheduled. */
  onreconnect: (retry: Retry) => void;
  /** The session has ended: nothing follows. */
  onend: (end: End) => void;
  /** A message was accepted and is given back. */
  onunsent: (unsent: Unsent) => void;
  /** No message came for a long time, and no heartbeat is set (preset `resilient`). */
  onsilent: (silence: Silence) => void;
  /** A heartbeat had no answer, and the server has never answered one (preset `resilient`). */
  onunanswered: (silence: Silence) => void;
  /**
   * Sends a message on the current connection, or keeps it for the next one (`keep`).
   * @returns whether it was accepted
   */
  send(data: Payload): boolean;
  /**
   * Ends the session. It works in every state, and no attempt follows.
   * @throws RangeError for a code other than 1000 and 3000 to 4999, or a reason of more than 123 bytes
   */
  close(code?: number, reason?: string): void;
  /** Replaces the connection, or begins the next attempt now. */
  reconnect(): void;
}
