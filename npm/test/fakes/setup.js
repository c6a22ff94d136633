// A drop-in on a virtual clock and a network in memory: the start of most tests.
import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import { createClass } from '../../src/browser-class.js';
import { createFactory } from '../../src/task.js';
import { webSocketClass } from './browser.js';
import { Clock } from './clock.js';
import { loadRuntime } from './core.js';
import { recordHooks } from './hooks.js';
import { MemoryNetwork } from './network.js';
import { wechat } from './platforms.js';

export const URL_A = 'ws://server/a';
export const URL_B = 'ws://server/b';

/** The time in which an attempt of the fakes opens. */
export const OPENING = 100;

export class Setup {
  constructor() {
    this.clock = new Clock().install();
    this.network = new MemoryNetwork();
    this.unhandled = [];
    /** What the test throws in hooks, or rejects: the messages of the errors. */
    this.expected = [];
    this.listener = reason => this.unhandled.push(reason);
    process.on('unhandledRejection', this.listener);
    this.runtime = loadRuntime();
    this.WebsocketHeartbeat = createFactory(() => this.runtime);
    this.WebsocketHeartbeatJs = createClass(() => this.runtime);
  }

  /** Returns what was thrown by timers, or rejected and not handled. */
  stop() {
    this.clock.uninstall();
    process.off('unhandledRejection', this.listener);
    return [...this.clock.uncaught, ...this.unhandled];
  }

  /** Begins a session of the mini-program drop-in: `{ task, hooks, fake }`. */
  async task(options = {}, fake = wechat(this.network)) {
    let hooks;
    const made = this.WebsocketHeartbeat({
      miniprogram: fake.platform, connectSocketParams: { url: URL_A }, ...options,
    }).then(task => {
      hooks = recordHooks(task);
      return task;
    });
    made.catch(() => {}); // The caller gets the error after the time has passed.
    await this.clock.advance(OPENING);
    const task = await made;
    return { task, hooks, fake };
  }

  /** Begins a session of the browser drop-in: `{ heartbeat, hooks, Class }`. */
  async browser(options = {}) {
    const Class = webSocketClass(this.network);
    const heartbeat = new this.WebsocketHeartbeatJs({ url: URL_A, WebSocket: Class, ...options });
    const hooks = recordHooks(heartbeat);
    await this.clock.advance(OPENING);
    return { heartbeat, hooks, Class };
  }
}

/** The setup of the current test, of a file that calls `useSetup`. */
export let setup;
export let clock;
export let network;

/** Makes a setup for each test of this file. Fails a test that throws what it does not expect. */
export function useSetup() {
  beforeEach(() => {
    setup = new Setup();
    ({ clock, network } = setup);
  });
  afterEach(() => assert.deepEqual(setup.stop().map(error => error.message || error), setup.expected));
}
