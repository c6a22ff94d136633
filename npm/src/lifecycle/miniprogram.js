// The life of a mini-program: it is suspended in the background, and its network changes.
import { attempt } from '../calls.js';

/**
 * Calls `wake` when the program is shown or gets a network, and `check` when it loses its network.
 * Returns a function that ends this.
 *
 * A platform may cut the connection of a hidden program without a close event. Nothing can be done
 * while the program is hidden, so there is no listener for that: the check on return is enough.
 */
export function watchProgram(platform, { wake, check }) {
  const stops = [];
  const listen = (name, listener) => {
    if (typeof platform['on' + name] !== 'function') return;
    attempt(() => platform['on' + name](listener));
    stops.push(() => {
      if (typeof platform['off' + name] === 'function') attempt(() => platform['off' + name](listener));
    });
  };
  listen('AppShow', () => wake());
  listen('NetworkStatusChange', status => {
    if (status && status.isConnected === false) check();
    else wake();
  });
  return () => stops.forEach(stop => stop());
}
