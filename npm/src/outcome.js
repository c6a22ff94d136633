// The callbacks of one call in the style of mini-programs: `success` or `fail`, then `complete`.
import { callUser } from './calls.js';

/**
 * A copy of the parameters whose callbacks run once, whoever calls them first: the platform, or we
 * for a call that never reaches it. Parameters without callbacks are returned as they are.
 */
export function withOneOutcome(params) {
  const { success, fail, complete } = params;
  if (!success && !fail && !complete) return params;
  let done = false;
  const once = f => result => {
    if (done) return;
    done = true;
    callUser(f, result);
    callUser(complete, result);
  };
  return Object.assign({}, params, { success: once(success), fail: once(fail), complete: once() });
}

/** Calls `success` or `fail` after the current call has returned, as platforms do. */
export function settleLater(params, name, errMsg) {
  Promise.resolve().then(() => callUser(params[name], { errMsg }));
}
