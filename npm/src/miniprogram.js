// The main entry of the package: a drop-in for websocket-heartbeat-miniprogram.
import { getRuntime } from './core.js';
import { createFactory } from './task.js';

export default /* @__PURE__ */ createFactory(getRuntime);
