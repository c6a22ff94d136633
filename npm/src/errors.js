// Errors that functions of the application throw.

/** An error of the application does not stop the session, and is as visible as any uncaught one. */
export function throwLater(error) { setTimeout(() => { throw error; }); }
