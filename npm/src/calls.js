// Calls into code that is not ours: functions of the application, and methods of the platform.

export function nothing() {}

/**
 * Calls a function of the application. An error that it throws does not reach the session. It is
 * thrown again from a timer, so that the platform reports it like an error of any event listener.
 */
export function callUser(f, argument, self) {
  if (typeof f !== 'function') return;
  try {
    f.call(self, argument);
  } catch (error) {
    setTimeout(() => { throw error; });
  }
}

/** Marks a promise of the platform as handled: its rejection is reported by an event, too. */
export function ignoreRejection(result) {
  if (result && typeof result.then === 'function') result.then(nothing, nothing);
}

/** Calls the platform where a failure changes nothing. */
export function attempt(f) {
  try {
    ignoreRejection(f());
  } catch (_) {
    // For example, the socket is closed already.
  }
}
