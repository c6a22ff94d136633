// Fakes of the mini-program platforms, in the forms of the vendors' typings.
//
// Each returns `{ platform, calls, tasks, life }`: the object for the option `miniprogram`, the
// parameters of each `connectSocket`, the tasks, and the events of the program's life.
import { CLOSED, OPEN } from './network.js';
import { callBack, CALLBACK_DELAY, createSocketTask, lifecycleEvents } from './socket-task.js';

/** WeChat (`wx`), and Douyin, QQ and Baidu in the same form. At most `limit` sockets at a time. */
export function wechat(network, limit = 5) {
  const life = lifecycleEvents();
  const fake = { calls: [], tasks: [], live: 0, life };
  fake.platform = Object.assign(life.platform, {
    connectSocket(params) {
      fake.calls.push(params);
      if (fake.live >= limit) {
        callBack(params, { errMsg: `connectSocket:fail exceed max task count ${limit}` });
        return undefined;
      }
      fake.live++;
      const task = createSocketTask(network, params, { released: () => { fake.live--; } });
      fake.tasks.push(task);
      callBack(params, null, { errMsg: 'connectSocket:ok', socketTaskId: fake.calls.length });
      return task;
    },
  });
  return fake;
}

/** Taro: a promise of the SocketTask, settled by `success` and `fail`. */
export function taro(network, limit) {
  const inner = wechat(network, limit);
  const fake = Object.assign({}, inner);
  fake.platform = Object.assign({}, inner.life.platform, {
    connectSocket: params => new Promise((resolve, reject) => {
      const { success, fail } = params;
      const task = inner.platform.connectSocket(Object.assign({}, params, {
        success(result) { if (success) success(result); resolve(task); },
        fail(error) { if (fail) fail(error); reject(error); },
      }));
    }),
  });
  return fake;
}

/** uni-app: a SocketTask for a caller with a callback, else a promise of nothing that is of use. */
export function uni(network, limit) {
  const inner = wechat(network, limit);
  const fake = Object.assign({}, inner);
  fake.platform = Object.assign({}, inner.life.platform, {
    connectSocket(params) {
      if (params.success || params.fail || params.complete) return inner.platform.connectSocket(params);
      return Promise.resolve({ errMsg: 'connectSocket:ok' });
    },
  });
  return fake;
}

/**
 * Alipay in the forms of @mini-types/my: one socket with global events, or with `multiple: true` a
 * SocketTask whose events have their fields in `data`. Close events have no code. Binary data is
 * Base64 text.
 */
export function alipay(network, { multiple = true } = {}) {
  const life = lifecycleEvents();
  const listeners = { Open: [], Message: [], Error: [], Close: [] };
  const fake = { calls: [], tasks: [], life, listeners };
  let current = null;

  const payload = data => (typeof data === 'string'
    ? { data, isBuffer: false }
    : { data: Buffer.from(data).toString('base64'), isBuffer: true });
  const sendTo = (task, params) => {
    if (typeof params.data !== 'string') throw new TypeError('data must be a string');
    if (!task || task.socket.state !== OPEN) {
      callBack(params, { error: 1, errorMessage: 'not connected' });
      return Promise.reject({ error: 1, errorMessage: 'not connected' });
    }
    const data = params.isBuffer ? new Uint8Array(Buffer.from(params.data, 'base64')).buffer : params.data;
    task.socket.send(data);
    callBack(params, null, { success: true });
    return Promise.resolve({ success: true });
  };

  function openTask(params) {
    const task = createSocketTask(network, params, { closesEarly: true });
    const socketTaskID = String(fake.calls.length);
    const wrapped = { Open: [], Message: [], Error: [], Close: [] };
    const emit = (name, event) => wrapped[name].slice().forEach(f => f(event));
    task.onOpen(() => emit('Open', { data: { socketTaskID } }));
    task.onMessage(e => emit('Message', { data: Object.assign({ socketTaskID }, payload(e.data)) }));
    task.onError(() => emit('Error', { data: { socketTaskID }, error: 2 }));
    task.onClose(() => emit('Close', { data: { socketTaskID } }));
    const shown = {
      send: entry => sendTo(task, entry),
      close(closeParams) {
        if (task.socket.state === CLOSED) return Promise.reject({ error: 1, errorMessage: 'no socket' });
        task.close(closeParams || {});
        return Promise.resolve({ message: '' });
      },
      listeners: wrapped,
    };
    Object.keys(wrapped).forEach(name => {
      shown['on' + name] = f => { wrapped[name].push(f); };
      shown['off' + name] = f => { wrapped[name] = f ? wrapped[name].filter(other => other !== f) : []; };
    });
    fake.tasks.push(shown);
    return shown;
  }

  function openGlobal(params) {
    if (current) current.close({});
    const task = createSocketTask(network, params, { closesEarly: true });
    current = task;
    const emit = (name, event) => listeners[name].slice().forEach(f => f(event));
    task.onOpen(() => emit('Open'));
    task.onMessage(e => emit('Message', payload(e.data)));
    task.onError(e => emit('Error', { error: 2, errorMessage: e.errMsg }));
    task.onClose(e => {
      if (current === task) current = null;
      emit('Close', { reason: e.reason });
    });
    fake.tasks.push(task);
  }

  fake.platform = Object.assign(life.platform, {
    canIUse: name => multiple && name === 'connectSocket.object.multiple',
    arrayBufferToBase64: buffer => Buffer.from(buffer).toString('base64'),
    connectSocket(params) {
      fake.calls.push(params);
      callBack(params, null, {});
      if (params.multiple && multiple) return openTask(params);
      openGlobal(params);
      return undefined;
    },
    sendSocketMessage: params => sendTo(current, params),
    closeSocket(params) {
      if (!current) {
        callBack(params, { error: 1, errorMessage: 'no socket' });
        return Promise.reject({ error: 1, errorMessage: 'no socket' });
      }
      current.close(params || {});
      return Promise.resolve({ message: '' });
    },
  });
  Object.keys(listeners).forEach(name => {
    fake.platform['onSocket' + name] = f => { listeners[name].push(f); };
    fake.platform['offSocket' + name] = f => {
      listeners[name] = f ? listeners[name].filter(other => other !== f) : [];
    };
  });
  return fake;
}

export { CALLBACK_DELAY };
