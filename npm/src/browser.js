// The entry `./browser`: a drop-in for websocket-heartbeat-js.
import { getRuntime } from './core.js';
import { createClass } from './browser-class.js';

export default /* @__PURE__ */ createClass(getRuntime);
