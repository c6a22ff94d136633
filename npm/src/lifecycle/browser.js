// The life of a page or worker: it is hidden, frozen, kept in the cache of pages, or goes offline.

/**
 * Calls `wake` when the page is visible again, resumed, shown from the cache, or online, and `check`
 * when it is offline. Returns a function that ends this. Node has none of these events.
 *
 * A frozen page runs no code, so there is no listener for `freeze`: `resume` follows it.
 * @param {object} scope the global object: a window, or the scope of a worker
 */
export function watchPage(scope, { wake, check }) {
  const { document } = scope;
  const listeners = [
    [scope, 'online', wake],
    [scope, 'offline', check],
    [scope, 'pageshow', wake],
    [document, 'resume', wake],
    [document, 'visibilitychange', () => { if (document.visibilityState !== 'hidden') wake(); }],
  ].filter(([target]) => target && typeof target.addEventListener === 'function');
  listeners.forEach(([target, name, listener]) => target.addEventListener(name, listener));
  return () => listeners.forEach(([target, name, listener]) => target.removeEventListener(name, listener));
}
