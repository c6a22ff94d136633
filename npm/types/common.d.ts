/** Growing delays between attempts, at random, so that many clients do not return at the same time. */
export interface Backoff {
  /** The longest delay, in milliseconds. Default: 30 000. */
  cap?: number;
  /** By how much the delay grows with each attempt. Default: 2. */
  factor?: number;
  /** The part of a delay that is drawn at random: from 0 to 1. Default: 1. */
  jitter?: number;
  /** The first delay of an outage is drawn from zero to this, in milliseconds. */
  first?: number;
}

/** The bounds of what is kept while no connection is open. */
export interface Keep {
  /** In messages. */
  count?: number;
  /** In bytes of payload. */
  bytes?: number;
}

/** The options that both drop-ins have. Times are in milliseconds. */
export interface CommonOptions {
  /**
   * The values of all options that are not set. `original`: those of the packages that this one
   * replaces. `resilient`: delays at random, messages kept while offline, a heartbeat only if one of
   * its options is set. Default: `original`.
   */
  preset?: 'original' | 'resilient';
  /** The silence after which a heartbeat is sent. Any message ends a silence. Default: 15 000. */
  pingTimeout?: number;
  /** The time for the answer. Any message is one. Then the connection is replaced. Default: 10 000. */
  pongTimeout?: number;
  /** The delay before an attempt, or with `backoff` the first of them. Default: 2 000. */
  reconnectTimeout?: number;
  /** Reconnects in a row. 0: never. `null`: no limit, the default. Opening resets the count. */
  repeatLimit?: number | null;
  /** The time for one attempt. Default: 10 000. */
  connectTimeout?: number;
  /** With a value, the time limit grows from `connectTimeout` to this while attempts time out. */
  connectTimeoutCap?: number;
  /** The time for queued messages and the close handshake after `close()`. Default: 5 000. */
  closeTimeout?: number;
  /** How long a connection must be open until the count of `repeatLimit` and the delays are reset. Default: 0. */
  stableAfter?: number;
  /**
   * How many connections in a row may be lost before they were open for `stableAfter`, which must be
   * set. The next such loss ends the session. Default: no limit.
   */
  flapLimit?: number;
  /** The session ends if there was no connection for so long. */
  outageLimit?: number;
  /** A connection is replaced when it is that old. */
  maxAge?: number;
  /** The least time between the beginnings of two attempts. Default: 100. */
  minimumGap?: number;
  /** How many heartbeats in a row may have no answer. Default: 0. */
  maxMissed?: number;
  /** The time for the answer when the program returns or the network changes. Default: `pongTimeout`, at most 5 000. */
  recheckTimeout?: number;
  /** `true` for growing delays at random. */
  backoff?: boolean | Backoff;
  /** Messages that are sent while no connection is open wait for the next one. */
  keep?: boolean | number | Keep;
  /**
   * Whether the connection is checked when the program is shown again or its network changes.
   * Default: `true`.
   */
  lifecycle?: boolean;
}

/** Why a connection was lost, or why an attempt failed. */
export type Cause =
  | 'connect' | 'connect_timeout' | 'heartbeat_timeout' | 'write_stalled' | 'closed_by_peer' | 'broken'
  | 'replaced' | 'max_age' | 'paused' | 'other';

/** The next attempt. */
export interface Retry {
  /** 1 for the first after a connection. */
  attempt: number;
  /** The time until the attempt, in milliseconds. */
  delay: number;
  cause: Cause;
}

/** A silence of the server. */
export interface Silence {
  /** The number of the connection, from 1. */
  connection: number;
  /** How long nothing was received, in milliseconds. */
  time: number;
}

/** The end of the session. */
export interface End {
  reason:
    | 'user' | 'aborted' | 'attempts_exhausted' | 'backoff_ended' | 'stopped' | 'flap_limit'
    | 'outage_limit' | 'other' | 'core failed';
  /** Of the last loss; for `core failed` the error; `null` if the application ended the session. */
  cause: Cause | Error | null;
}
