// The core as JavaScript, for the entries that run without WebAssembly.
import instantiate from '#core';
import { createRuntime } from './runtime.js';

let runtime = null;

/** The runtime of this page. It is made at the first call, and again after the core has failed. */
export function getRuntime() {
  if (!runtime || runtime.failed) {
    runtime = createRuntime();
    runtime.attach(instantiate(runtime.imports));
  }
  return runtime;
}
