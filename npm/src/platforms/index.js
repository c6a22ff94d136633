// Opens sockets by the `connectSocket` of a mini-program platform, whatever its shape is.
import { callUser } from '../calls.js';
import { GlobalSockets, adoptMultiple, canUseMultiple, hasGlobalEvents, withoutTaro } from './alipay.js';
import { adoptPromise } from './promise.js';
import { adoptTask } from './socket-task.js';

/**
 * Returns a function that opens a socket: `(params, connection) => socket`.
 *
 * It throws if the platform refuses the call.
 * @param {object} given wx, my, swan, tt, qq, Taro, uni, ...
 * @param {function} onTask gets the SocketTask of each connection, before its first event
 */
export function socketOpener(given, onTask) {
  const alipay = hasGlobalEvents(given);
  const platform = alipay ? withoutTaro(given) : given;
  const globalSockets = alipay ? new GlobalSockets(platform) : null;
  return (params, connection) => {
    const options = connectOptions(params, connection);
    if (alipay) {
      if (options.multiple === undefined) options.multiple = canUseMultiple(platform);
      if (!options.multiple) {
        onTask(globalSockets.task);
        return globalSockets.connect(options, connection);
      }
    }
    const result = platform.connectSocket(options);
    if (isPromise(result)) return adoptPromise(result, connection, onTask);
    const socket = alipay ? adoptMultiple(platform, result, connection) : adoptTask(result, connection);
    onTask(result);
    return socket;
  };
}

/**
 * The application's parameters, with our `fail`: on some platforms it is the only report of a refused
 * attempt. uni-app returns a SocketTask only to a caller with a callback.
 */
function connectOptions(params, connection) {
  return Object.assign({}, params, {
    fail(error) {
      callUser(params.fail, error);
      connection.failed(error);
    },
  });
}

// A SocketTask of uni-app on some platforms is a promise, too.
function isPromise(result) {
  return Boolean(result) && typeof result.then === 'function' && typeof result.onOpen !== 'function';
}
