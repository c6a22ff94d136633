import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The original package of this name. The originals are bundles for a page: they need a `window`. */
export function original(name) {
  globalThis.window = globalThis;
  try {
    return require(name).default;
  } finally {
    delete globalThis.window;
  }
}
