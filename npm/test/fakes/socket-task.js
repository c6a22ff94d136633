// A SocketTask in the form of miniprogram-api-typings: WeChat, QQ, Baidu, and Douyin with more fields.
import { CONNECTING, OPEN } from './network.js';

/**
 * Phones call back later than a fake would: first `success`, then the events of the socket. `success`
 * says only that the call was accepted.
 */
export const CALLBACK_DELAY = 20;

/** Calls `success` or `fail`, and `complete`, as each asynchronous call of a platform does. */
export function callBack(params, error, result) {
  setTimeout(() => {
    const { success, fail, complete } = params || {};
    if (error && fail) fail(error);
    if (!error && success) success(result);
    if (complete) complete(error || result);
  }, CALLBACK_DELAY);
}

export function createSocketTask(network, params, options = {}) {
  const listeners = { open: [], message: [], error: [], close: [] };
  // An event reaches the program only after `success` did.
  const emit = (name, event) => setTimeout(() => listeners[name].forEach(f => f(event)), CALLBACK_DELAY);
  const socket = network.open(params.url, params.protocols, {
    open: () => emit('open', { header: {}, profile: {} }),
    message: data => emit('message', { data }),
    error: text => emit('error', { errMsg: 'connectSocket:fail ' + text }),
    close: (code, reason) => {
      if (options.released) options.released();
      emit('close', { code, reason });
    },
  });
  const task = {
    onOpen(f) { listeners.open.push(f); },
    onMessage(f) { listeners.message.push(f); },
    onError(f) { listeners.error.push(f); },
    onClose(f) { listeners.close.push(f); },
    send(entry) {
      if (socket.state !== OPEN) {
        callBack(entry, { errMsg: 'sendSocketMessage:fail taskID not exist' });
        return;
      }
      socket.send(entry.data);
      callBack(entry, null, { errMsg: 'sendSocketMessage:ok' });
    },
    close(closeParams = {}) {
      // WeChat documents this for `closeSocket`. Nothing is known of Alipay.
      if (socket.state === CONNECTING && !options.closesEarly) {
        callBack(closeParams, { errMsg: 'closeSocket:fail WebSocket is not connected' });
        return;
      }
      socket.close(closeParams.code, closeParams.reason);
      callBack(closeParams, null, { errMsg: 'closeSocket:ok' });
    },
    get readyState() { return socket.state; },
    socket,
  };
  return task;
}

/** The listeners of a program's life, which all platforms have in this form. */
export function lifecycleEvents(off = true) {
  const lists = { AppShow: [], AppHide: [], NetworkStatusChange: [] };
  const platform = {};
  Object.keys(lists).forEach(name => {
    platform['on' + name] = f => { lists[name].push(f); };
    if (!off) return;
    platform['off' + name] = f => {
      if (f === undefined) lists[name].length = 0;
      else lists[name] = lists[name].filter(other => other !== f);
    };
  });
  return {
    platform,
    emit(name, event) { lists[name].slice().forEach(f => f(event)); },
    count() { return Object.values(lists).reduce((sum, list) => sum + list.length, 0); },
  };
}
