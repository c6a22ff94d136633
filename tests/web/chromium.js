// Headless Chromium, driven by its DevTools protocol.
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const WebSocket = require('ws');

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-port=0',
];

/// Starts Chromium with an empty profile. Resolves with its page.
async function startChromium() {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chromium-'));
  const process = spawn('chromium', [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise((resolve) => process.once('exit', resolve));
  const stop = async () => {
    process.kill('SIGKILL');
    await exited;
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const port = await devtoolsPort(process);
    const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    const { webSocketDebuggerUrl } = targets.find((target) => target.type === 'page');
    const page = await Page.attach(webSocketDebuggerUrl);
    return { page, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/// Chromium prints the address of its DevTools when it listens.
function devtoolsPort(process) {
  return new Promise((resolve, reject) => {
    let printed = '';
    process.stderr.on('data', (data) => {
      printed += data;
      const match = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(printed);
      if (match) resolve(match[1]);
    });
    process.once('error', reject);
    process.once('exit', () => reject(new Error(`Chromium ended: ${printed.slice(-2000)}`)));
  });
}

/// A page: commands of the DevTools, and functions that scripts of the page can call.
class Page {
  static async attach(url) {
    const socket = new WebSocket(url, { maxPayload: 0 });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const page = new Page(socket);
    for (const domain of ['Page', 'Runtime', 'Network']) await page.command(`${domain}.enable`);
    return page;
  }

  constructor(socket) {
    this.socket = socket;
    this.last = 0;
    this.answers = new Map();
    this.bindings = new Map();
    socket.on('message', (data) => this.received(JSON.parse(data)));
  }

  received({ id, method, params, result, error }) {
    if (id !== undefined) {
      const { resolve, reject } = this.answers.get(id);
      this.answers.delete(id);
      if (error) reject(new Error(error.message));
      else resolve(result);
    } else if (method === 'Runtime.bindingCalled') {
      this.bindings.get(params.name)(params.payload);
    }
  }

  command(method, params = {}) {
    return new Promise((resolve, reject) => {
      const id = ++this.last;
      this.answers.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /// Makes a function of the page, which takes one text.
  async bind(name, call) {
    if (!this.bindings.has(name)) await this.command('Runtime.addBinding', { name });
    this.bindings.set(name, call);
  }

  async navigate(url) {
    const { errorText } = await this.command('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
  }
}

module.exports = { startChromium };
