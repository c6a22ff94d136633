// The shape of Taro: `connectSocket` returns a promise of a SocketTask.
import { adoptTask } from './socket-task.js';

/** Returns a promise of the socket. `onTask` gets the task, unless the attempt was given up. */
export function adoptPromise(promise, connection, onTask) {
  return promise.then(task => {
    const socket = adoptTask(task, connection);
    if (!connection.abandoned) onTask(task);
    return socket;
  });
}
