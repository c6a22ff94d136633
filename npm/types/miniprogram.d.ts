import type { CommonOptions, End, Retry, Silence } from './common.js';
export type { Backoff, Cause, CommonOptions, End, Keep, Retry, Silence } from './common.js';

/** wx, my, swan, tt, qq, Taro, uni: an object with `connectSocket`. */
export interface Platform {
  connectSocket(params: never): unknown;
}

/** What a SocketTask of any platform has. */
export interface AnySocketTask {
  send(params: any): unknown;
  close(params: any): unknown;
  onOpen(listener: (event: any) => void): unknown;
  onMessage(listener: (event: any) => void): unknown;
  onError(listener: (event: any) => void): unknown;
  onClose(listener: (event: any) => void): unknown;
}

type Returned<P> = P extends { connectSocket(params: never): infer R } ? Awaited<R> : never;
/** The SocketTask of a platform. */
export type SocketTaskOf<P extends Platform> =
  [Returned<P>] extends [never] ? AnySocketTask : Returned<P> extends AnySocketTask ? Returned<P> : AnySocketTask;

/** The event of a listener of the platform. The fallback is for a platform whose task has no type. */
type EventOf<F, Fallback> =
  F extends (listener: (event: infer E) => void) => unknown ? (unknown extends E ? Fallback : E) : Fallback;

type KnownParams<P> = P extends { connectSocket(params: infer O): unknown } ? Partial<Omit<O & object, 'url'>> : {};
/** The parameters of the platform's `connectSocket`. Alipay: `multiple` is `true` where it can. */
export type ConnectSocketParams<P extends Platform = Platform> =
  { url: string } & KnownParams<P> & { [parameter: string]: unknown };

/** `isBuffer` is Alipay's: then `data` is Base64 text. */
export interface AnyMessage { data: string | ArrayBuffer; isBuffer?: boolean }
/** Alipay reports no code. */
export interface AnyClose { code?: number; reason?: string }
type CloseOf<P extends Platform> =
  EventOf<SocketTaskOf<P>['onClose'], AnyClose> extends { code: number; reason: string } ? Required<AnyClose> : AnyClose;
export interface AnyError { errMsg?: string; errorMessage?: string; message?: string }

/** What `pingMsg` can be. Alipay gets binary data as Base64. */
export type PingMessage = string | ArrayBuffer;

export interface Options<P extends Platform = Platform> extends CommonOptions {
  /** The object of the platform itself, not its name. */
  miniprogram: P;
  /**
   * The parameters of each attempt, or a function that returns them, for a new url or token each time.
   * An object is read again for each attempt.
   */
  connectSocketParams: ConnectSocketParams<P> | ((attempt: number) => ConnectSocketParams<P> | Promise<ConnectSocketParams<P>>);
  /** The heartbeat, or a function that makes it. Default: `heartbeat`. */
  pingMsg?: PingMessage | (() => PingMessage);
}

interface Callbacks {
  success?: (result: any) => void;
  fail?: (error: any) => void;
  complete?: (result: any) => void;
}

/** Of the platform's `send`. Exactly one of `success` and `fail` is called, once. */
export interface SendParams extends Callbacks {
  data: string | ArrayBuffer;
  /** Alipay: `data` is Base64 text of binary data. */
  isBuffer?: boolean;
}

/** Of the platform's `close`. */
export interface CloseParams extends Callbacks {
  code?: number;
  reason?: string;
}

export interface Task<P extends Platform = Platform> {
  /** The options. `connectSocketParams` may be replaced or changed: the next attempt reads it. */
  readonly opts: Options<P> & { connectSocketParams: any };
  /** Of the current connection, another one after each reconnect. `null` before the first. */
  readonly socketTask: SocketTaskOf<P> | null;
  /** The number of the attempt since a connection was open. */
  readonly repeat: number;
  /** Whether the next attempt waits for its delay. */
  readonly lockReconnect: boolean;
  /** Whether there will be no further attempt. */
  readonly forbidReconnect: boolean;
  onOpen: (event: EventOf<SocketTaskOf<P>['onOpen'], unknown>) => void;
  onMessage: (event: EventOf<SocketTaskOf<P>['onMessage'], AnyMessage>) => void;
  /** The code is 1006 if the platform reported no close. */
  onClose: (event: CloseOf<P>) => void;
  onError: (event: AnyError) => void;
  /** An attempt is scheduled. */
  onReconnect: (retry: Retry) => void;
  /** The session has ended: nothing follows. */
  onEnd: (end: End) => void;
  /** No message came for a long time, and no heartbeat is set (preset `resilient`). */
  onSilent: (silence: Silence) => void;
  /** A heartbeat had no answer, and the server has never answered one (preset `resilient`). */
  onUnanswered: (silence: Silence) => void;
  /**
   * Sends a message on the current connection, or keeps it for the next one (`keep`).
   * @returns whether it was accepted. If not, `fail` is called.
   */
  send(params: SendParams): boolean;
  /** Ends the session. It works in every state, and no attempt follows. */
  close(params?: CloseParams): void;
  /** Replaces the connection, or begins the next attempt now. */
  reconnect(): void;
}

/**
 * Begins a session. The promise resolves when there is a SocketTask, or when the first attempt has
 * failed. Events wait until the functions of the promise have run.
 *
 * It rejects with a TypeError or RangeError for an option that is missing or wrong.
 */
export default function WebsocketHeartbeat<P extends Platform>(options: Options<P>): Promise<Task<P>>;
