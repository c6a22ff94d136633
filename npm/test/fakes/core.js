import { readFileSync } from 'node:fs';
import { createRuntime } from '../../src/runtime.js';

const instantiate = process.env.CORE === 'wasm' ? await webAssembly() : (await import('#core')).default;

async function webAssembly() {
  const bytes = readFileSync(new URL('../../dist/core.wasm', import.meta.url));
  const module = await WebAssembly.compile(bytes);
  return imports => new WebAssembly.Instance(module, imports).exports;
}

/** A runtime with a core of its own: JavaScript, or with CORE=wasm in the environment WebAssembly. */
export function loadRuntime() {
  const runtime = createRuntime();
  runtime.attach(instantiate(runtime.imports));
  return runtime;
}
