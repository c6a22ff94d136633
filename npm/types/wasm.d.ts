import type Factory from './miniprogram.js';
import type Class from './browser.js';
export type * from './miniprogram.js';
export type { Options as BrowserOptions, Payload, Unsent, WebSocketClass } from './browser.js';

/** The drop-ins over one core. */
export interface DropIns {
  /** As the main entry. */
  WebsocketHeartbeat: typeof Factory;
  /** As the entry `./browser`. */
  WebsocketHeartbeatJs: typeof Class;
}

/** WXWebAssembly or TTWebAssembly: its `instantiate` takes a path in the code package. */
export interface Engine {
  instantiate(path: string, imports: any): Promise<unknown>;
}

/**
 * Loads `core.wasm` and returns the drop-ins over it. Each call loads a core of its own.
 * @param source its bytes, a WebAssembly.Module, a Response, or a url that `fetch` loads
 */
export function load(source: BufferSource | WebAssembly.Module | Response | URL | string): Promise<DropIns>;
/**
 * Loads `core.wasm` or `core.wasm.br` in a mini-program.
 * @param path in the code package, for example `/miniprogram_npm/websocket-heartbeat/core.wasm.br`
 */
export function load(path: string, engine: Engine): Promise<DropIns>;
