// The shape of WeChat, QQ, Douyin, Baidu and uni-app: `connectSocket` returns a SocketTask.
import { attempt, ignoreRejection } from '../calls.js';

const OPEN = 1;
const CLOSED = 3;

/**
 * Makes the socket of a SocketTask, and reports its events to the connection.
 * @param {object} task what `connectSocket` returned
 * @param {object} connection
 * @param {object} [shape] differences of the platform: `read(event)`, `write(entry)`
 */
export function adoptTask(task, connection, shape) {
  const { read, write } = shape || PLAIN;
  if (!task || typeof task.onOpen !== 'function') {
    throw new Error('connectSocket returned no SocketTask');
  }
  let open = false;
  let ended = false;
  let abandoned = false;
  const close = () => attempt(() => task.close({}));
  const opened = event => {
    if (open) return;
    open = true;
    // WeChat: a close before this event has no effect.
    if (abandoned) close();
    else connection.opened(event);
  };
  const listeners = {
    Open: event => opened(read(event)),
    Message: event => connection.received(read(event)),
    Error: event => connection.failed(read(event)),
    Close: event => {
      ended = true;
      connection.ended(read(event));
    },
  };
  Object.keys(listeners).forEach(name => task['on' + name](listeners[name]));
  // Taro hands a task over after its `success` callback. An event before that reached nobody. The
  // session gets the socket when this function has returned, so the events wait for that.
  setTimeout(() => {
    if (task.readyState === OPEN) opened({});
    else if (task.readyState === CLOSED && !ended) {
      ended = true;
      connection.failed(new Error('the socket was closed before it was handed over'));
    }
  });
  return {
    send(entry) { ignoreRejection(task.send(write(entry))); },
    close(params) { ignoreRejection(task.close(params)); },
    abandon() {
      abandoned = true;
      Object.keys(listeners).forEach(name => {
        if (name === 'Open' && !open) return;
        // Only some platforms have `offX`. Without a listener as argument it would remove those of
        // the application, too.
        if (typeof task['off' + name] === 'function') attempt(() => task['off' + name](listeners[name]));
      });
      if (!ended) close();
    },
  };
}

const PLAIN = { read: event => event, write: entry => entry };
