// Headless Chromium, driven by its DevTools protocol.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import WebSocket from 'ws';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--remote-debugging-port=0',
];

export function hasChromium() { return !spawnSync('chromium', ['--version']).error; }

/** A page of a browser with an empty profile. */
export async function openPage() {
  const profile = await mkdtemp(path.join(os.tmpdir(), 'chromium-'));
  const browser = spawn('chromium', [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = new Promise(resolve => { browser.once('exit', resolve); });
  const close = async () => {
    browser.kill('SIGKILL');
    await exit;
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const port = await devToolsPort(browser);
    const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    const { webSocketDebuggerUrl } = targets.find(({ type }) => type === 'page');
    const socket = new WebSocket(webSocketDebuggerUrl, { maxPayload: 0 });
    await new Promise((resolve, reject) => { socket.once('open', resolve).once('error', reject); });
    const page = new Page(socket, close);
    await page.command('Runtime.enable');
    await page.command('Page.enable');
    return page;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Chromium prints the port when it listens. */
function devToolsPort(browser) {
  return new Promise((resolve, reject) => {
    let printed = '';
    browser.stderr.on('data', data => {
      printed += data;
      const match = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(printed);
      if (match) resolve(match[1]);
    });
    browser.once('error', reject);
    browser.once('exit', () => reject(new Error(`Chromium has ended: ${printed.slice(-1000)}`)));
  });
}

class Page {
  constructor(socket, close) {
    this.socket = socket;
    this.close = close;
    this.last = 0;
    this.answers = new Map();
    this.bindings = new Map();
    /** Errors that nothing in the page caught. */
    this.uncaught = [];
    socket.on('message', data => this.received(JSON.parse(data)));
  }

  received({ id, method, params, result, error }) {
    if (method === 'Runtime.exceptionThrown') {
      const { text, exception } = params.exceptionDetails;
      this.uncaught.push((exception && exception.description) || text);
    }
    if (method === 'Runtime.bindingCalled') this.bindings.get(params.name)(params.payload);
    if (id === undefined) return;
    const { resolve, reject } = this.answers.get(id);
    this.answers.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  command(method, params = {}) {
    return new Promise((resolve, reject) => {
      this.answers.set(++this.last, { resolve, reject });
      this.socket.send(JSON.stringify({ id: this.last, method, params }));
    });
  }

  /** Makes a function of the page, which takes one text. */
  async bind(name, call) {
    if (!this.bindings.has(name)) await this.command('Runtime.addBinding', { name });
    this.bindings.set(name, call);
  }

  /** The value of an expression in the page, or of its promise. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.command('Runtime.evaluate', {
      expression, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description || exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true. The page looks when its document changes. */
  until(expression) {
    return this.evaluate(`new Promise(resolve => {
      const look = () => { if (${expression}) { observer.disconnect(); resolve(true); } };
      const observer = new MutationObserver(look);
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      look();
    })`);
  }

  async navigate(url) {
    const loaded = new Promise(resolve => {
      const listener = data => {
        if (JSON.parse(data).method !== 'Page.loadEventFired') return;
        this.socket.off('message', listener);
        resolve();
      };
      this.socket.on('message', listener);
    });
    const { errorText } = await this.command('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }
}
