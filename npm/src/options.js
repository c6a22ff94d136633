// The options that both drop-ins have: their defaults, and the check of what the user gives.

/** The documented defaults of the originals. */
export const DEFAULTS = {
  pingTimeout: 15000,
  pongTimeout: 10000,
  reconnectTimeout: 2000,
  pingMsg: 'heartbeat',
  repeatLimit: null,
};

const MILLISECONDS = [
  'pingTimeout', 'pongTimeout', 'recheckTimeout', 'reconnectTimeout', 'connectTimeout',
  'connectTimeoutCap', 'closeTimeout', 'stableAfter', 'outageLimit', 'maxAge', 'minimumGap',
];
const COUNTS = ['repeatLimit', 'flapLimit', 'maxMissed'];
const HEARTBEAT = ['pingTimeout', 'pongTimeout', 'pingMsg', 'recheckTimeout', 'maxMissed'];
const BACKOFF = ['cap', 'factor', 'jitter', 'first'];

/** The given options, and the defaults for those that are missing or `undefined`. */
export function withDefaults(given) {
  const opts = Object.assign({}, DEFAULTS);
  Object.keys(given).forEach(name => {
    if (given[name] !== undefined) opts[name] = given[name];
  });
  return opts;
}

/**
 * Checks the options and returns them in the form of the session.
 *
 * With the preset `resilient`, only options that the user has set replace the values of the preset.
 * The server is then sent no heartbeat that nobody asked for.
 * @throws {TypeError} for a value of a wrong type
 * @throws {RangeError} for a number that is out of range
 */
export function sessionSettings(given) {
  const preset = given.preset === undefined || given.preset === null ? 'original' : given.preset;
  if (preset !== 'original' && preset !== 'resilient') {
    throw new TypeError("preset must be 'original' or 'resilient'");
  }
  const source = preset === 'original' ? withDefaults(given) : given;
  const settings = { preset };
  MILLISECONDS.forEach(name => { settings[name] = number(name, source[name]); });
  COUNTS.forEach(name => { settings[name] = count(name, source[name]); });
  settings.heartbeat = preset === 'original' || HEARTBEAT.some(name => isSet(given[name]));
  if (settings.heartbeat) settings.pingMsg = heartbeatMessage(source.pingMsg);
  Object.assign(settings, backoffSettings(given.backoff), keepSettings(given.keep));
  if (isSet(given.lifecycle) && typeof given.lifecycle !== 'boolean') {
    throw new TypeError('lifecycle must be true or false');
  }
  return settings;
}

function isSet(value) { return value !== undefined && value !== null; }

function number(name, value) {
  if (!isSet(value)) return undefined;
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`);
  if (!(value >= 0 && value < Infinity)) throw new RangeError(`${name} must be a finite number of at least 0`);
  return value;
}

function count(name, value) {
  const result = number(name, value);
  if (result !== undefined && Math.floor(result) !== result) throw new RangeError(`${name} must be a whole number`);
  return result;
}

function heartbeatMessage(value) {
  if (!isSet(value)) return DEFAULTS.pingMsg;
  if (typeof value === 'string' || typeof value === 'object' || typeof value === 'function') return value;
  throw new TypeError('pingMsg must be text, binary data, or a function that returns one of these');
}

/** `backoff` is true for growing delays at random, or an object with its numbers. */
function backoffSettings(backoff) {
  if (!isSet(backoff) || backoff === false) return {};
  const settings = { exponential: true };
  if (backoff === true) return settings;
  if (typeof backoff !== 'object') throw new TypeError('backoff must be true, false or an object');
  BACKOFF.forEach(name => { settings[name] = number('backoff.' + name, backoff[name]); });
  return settings;
}

/** `keep` is true, a count of messages, or `{ count, bytes }`. */
function keepSettings(keep) {
  if (!isSet(keep)) return {};
  if (typeof keep === 'boolean') return { keep };
  if (typeof keep === 'number') return { keep: true, keepCount: count('keep', keep) };
  if (typeof keep !== 'object') throw new TypeError('keep must be true, false, a number or an object');
  return { keep: true, keepCount: count('keep.count', keep.count), keepBytes: count('keep.bytes', keep.bytes) };
}
