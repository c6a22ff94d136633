// The entry `./wasm`: the drop-ins over the WebAssembly file instead of JavaScript made of it.
import { createClass } from './browser-class.js';
import { createRuntime } from './runtime.js';
import { createFactory } from './task.js';

/**
 * Loads the core, and returns a promise of both drop-ins: `{ WebsocketHeartbeat, WebsocketHeartbeatJs }`.
 *
 * `source` is one of these:
 * - bytes: an ArrayBuffer, a view of one, or a Buffer
 * - a WebAssembly.Module
 * - a Response, or a text or URL that `fetch` loads
 * - with `engine`, a path in the code package. `engine` is then the object of the platform whose
 *   `instantiate` takes a path: WXWebAssembly, TTWebAssembly
 *
 * Each call loads a core of its own. If the core fails, its sessions end with 'core failed', and a
 * new call of `load` is needed.
 */
export function load(source, engine) {
  return new Promise(resolve => {
    const runtime = createRuntime();
    resolve(instantiate(source, engine, runtime.imports).then(exports => {
      runtime.attach(exports);
      const getRuntime = () => runtime;
      return { WebsocketHeartbeat: createFactory(getRuntime), WebsocketHeartbeatJs: createClass(getRuntime) };
    }));
  });
}

/** Returns a promise of the exports. */
function instantiate(source, engine, imports) {
  if (engine) {
    if (typeof engine.instantiate !== 'function') throw new TypeError('the engine must have the function instantiate');
    if (typeof source !== 'string') throw new TypeError('with an engine, the source must be a path in the code package');
    return Promise.resolve(engine.instantiate(source, imports)).then(exportsOf);
  }
  if (typeof WebAssembly !== 'object') {
    throw new TypeError('there is no WebAssembly here: pass the engine of the platform, or use the main entry');
  }
  if (typeof source === 'string' || isUrl(source)) return fetchBytes(fetch(String(source)), imports);
  if (source && typeof source.arrayBuffer === 'function') return fetchBytes(Promise.resolve(source), imports);
  if (source instanceof WebAssembly.Module || source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return WebAssembly.instantiate(source, imports).then(exportsOf);
  }
  throw new TypeError('the source must be bytes, a WebAssembly.Module, a Response, a URL, or a path and an engine');
}

function isUrl(source) { return typeof URL === 'function' && source instanceof URL; }

function fetchBytes(response, imports) {
  return response.then(answer => {
    // A blob has no status.
    if (answer.ok === false) throw new Error('the core could not be loaded: status ' + answer.status);
    return answer.arrayBuffer();
  }).then(bytes => WebAssembly.instantiate(bytes, imports)).then(exportsOf);
}

/** Engines resolve to an instance, or to an object with the instance in it. */
function exportsOf(result) {
  const { exports } = result.instance || result;
  if (!exports || typeof exports.poll !== 'function') throw new TypeError('this WebAssembly is not the core');
  return exports;
}
