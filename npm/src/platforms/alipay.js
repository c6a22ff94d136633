// Alipay (`my`): one socket with global events, or with `multiple: true` a SocketTask for each.
import { attempt, ignoreRejection, nothing } from '../calls.js';
import { adoptTask } from './socket-task.js';

/** Whether the platform has Alipay's global events. */
export function hasGlobalEvents(platform) {
  return typeof platform.offSocketClose === 'function';
}

/**
 * `my` itself. Taro replaces the functions of each SocketTask by the global ones, and those report
 * nothing of a socket that was made with `multiple: true`.
 */
export function withoutTaro(platform) { return platform.miniGlobal || platform; }

/** Whether this client can have several sockets. Older ones take `multiple` for an unknown field. */
export function canUseMultiple(platform) {
  try {
    return typeof platform.canIUse === 'function' && platform.canIUse('connectSocket.object.multiple') === true;
  } catch (_) {
    return false;
  }
}

/**
 * The events of a SocketTask have their fields in `data`. They become the events of the global form,
 * so that hooks see one form: a message is `{data, isBuffer}`.
 */
export function adoptMultiple(platform, task, connection) {
  return adoptTask(task, connection, { read: unwrap, write: entry => encodeBinary(platform, entry) });
}

function unwrap(event) {
  if (!event || typeof event.data !== 'object' || event.data === null || isBinary(event.data)) return event;
  const fields = Object.assign({}, event, event.data);
  if (event.data.data === undefined) delete fields.data;
  return fields;
}

/** Alipay sends binary data as Base64. */
function encodeBinary(platform, entry) {
  if (!isBinary(entry.data) || typeof platform.arrayBufferToBase64 !== 'function') return entry;
  return Object.assign({}, entry, { data: platform.arrayBufferToBase64(entry.data), isBuffer: true });
}

function isBinary(data) { return data !== null && typeof data === 'object' && data.byteLength >= 0; }

/**
 * Makes the sockets of the global form, one after the other. The platform closes the previous socket
 * when the next one is made, also that of another session.
 */
export class GlobalSockets {
  constructor(platform) {
    this.platform = platform;
    // Close events of earlier sockets that have not come yet. They do not say whose they are.
    this.closing = 0;
    /** The global functions as a SocketTask, for the application. */
    this.task = {
      onOpen: f => platform.onSocketOpen(f),
      onMessage: f => platform.onSocketMessage(f),
      onError: f => platform.onSocketError(f),
      onClose: f => platform.onSocketClose(f),
      send: params => platform.sendSocketMessage(params),
      close: params => platform.closeSocket(params),
    };
  }

  connect(params, connection) {
    const { platform } = this;
    let open = false;
    let ended = false;
    const listeners = {
      Open: event => {
        open = true;
        this.closing = 0;
        connection.opened(event || {});
      },
      Message: event => connection.received(event),
      Error: event => connection.failed(event),
      Close: event => {
        // Before this socket is open, the event of an earlier one is still expected.
        if (!open && this.closing > 0) {
          this.closing--;
          return;
        }
        ended = true;
        connection.ended(event);
      },
    };
    const detach = () => Object.keys(listeners).forEach(name => {
      // Without a listener as argument, `offX` would remove the listeners of other code.
      attempt(() => platform['offSocket' + name](listeners[name]));
    });
    Object.keys(listeners).forEach(name => platform['onSocket' + name](listeners[name]));
    try {
      const result = platform.connectSocket(params);
      if (result && typeof result.then === 'function') result.then(nothing, error => connection.failed(error));
    } catch (error) {
      detach();
      throw error;
    }
    return {
      send: entry => { ignoreRejection(platform.sendSocketMessage(encodeBinary(platform, entry))); },
      close: closeParams => { ignoreRejection(platform.closeSocket(closeParams)); },
      abandon: () => {
        detach();
        if (ended) return;
        this.closing++;
        attempt(() => platform.closeSocket({}));
      },
    };
  }
}
