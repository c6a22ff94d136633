// The entry `./browser` in Chromium: the demo page, a worker, and the life of a page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startDemo } from '../demo/server.mjs';
import { hasChromium, openPage } from './chromium.js';

// Outside of CI, a missing browser is no failure.
const skip = !hasChromium() && process.env.CI === 'false' && 'Chromium is not installed';
let demo;
let page;
before(async () => {
  if (skip) return;
  demo = await startDemo(300);
  page = await openPage();
});
after(async () => {
  if (skip) return;
  await page.close();
  demo.stop();
});

const click = selector => page.evaluate(`document.querySelector('${selector}').click()`);
const state = name => page.until(`document.getElementById('state')?.textContent === '${name}'`);
const logged = text => page.until(`document.getElementById('log').textContent.includes('${text}')`);

test('the demo survives silence, a cut, a close and a restart', { skip }, async () => {
  await page.navigate(`${demo.address}?speed=10`);
  await state('open');
  await click('[data-fault=silence]');
  await logged('heartbeat_timeout');
  await click('[data-fault=answer]');
  await state('open');
  await click('[data-fault=cut]');
  await logged(': broken');
  await state('open');
  await click('[data-fault=close]');
  await logged('lost: code 4000 asked');
  await state('open');
  await click('[data-fault=restart]');
  await state('waiting');
  await click('#send');
  await click('#send');
  await page.until("document.getElementById('count').textContent.startsWith('2 sent, 2 answered')");
  assert.equal(await page.evaluate("document.getElementById('plain-state').textContent"), 'closed');
  assert.deepEqual(page.uncaught, []);
});

/** Runs a function in the page. It gets the class and the address of the server. */
const inPage = f => page.evaluate(`Promise.all([import('./browser.js'), fetch('./address').then(answer => answer.text())])
  .then(([module, url]) => (${f})(module.default, url))`);

test('hooks get the events of the browser', { skip }, async () => {
  const names = await inPage((Class, url) => new Promise(resolve => {
    const names = [];
    const heartbeat = new Class({ url });
    const note = event => names.push(event.constructor.name);
    heartbeat.onopen = event => { note(event); heartbeat.send('x'); };
    heartbeat.onmessage = event => { note(event); heartbeat.close(4001, 'bye'); };
    heartbeat.onclose = event => { note(event); names.push(event.code, event.reason); };
    heartbeat.onend = () => resolve(names);
  }));
  assert.deepEqual(names, ['Event', 'MessageEvent', 'CloseEvent', 4001, 'bye']);
});

test('a loss without an event of the browser is a CloseEvent, too', { skip }, async () => {
  await demo.faults.silence();
  const [name, code, reason] = await inPage((Class, url) => new Promise(resolve => {
    const heartbeat = new Class({ url, pingTimeout: 50, pongTimeout: 50 });
    heartbeat.onclose = event => {
      heartbeat.close();
      resolve([event.constructor.name, event.code, event.reason]);
    };
  }));
  await demo.faults.answer();
  assert.deepEqual([name, code, reason], ['CloseEvent', 1006, 'heartbeat_timeout']);
});

test('a url that the browser refuses throws', { skip }, async () => {
  const name = await inPage(Class => { try { return new Class({ url: 'http://[' }) && ''; } catch (error) { return error.name; } });
  assert.equal(name, 'SyntaxError');
});

test('a worker can use it', { skip }, async () => {
  const data = await inPage((_, url) => new Promise((resolve, reject) => {
    const source = `import Class from '${new URL('./browser.js', location)}';
      const heartbeat = new Class({ url: '${url}' });
      heartbeat.onopen = () => heartbeat.send('from a worker');
      heartbeat.onmessage = ({ data }) => { if (data.includes('worker')) postMessage(data); };`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), { type: 'module' });
    worker.onmessage = event => resolve(event.data);
    worker.onerror = event => reject(new Error(event.message));
  }));
  assert.equal(data, 'answer to: from a worker');
});

test('a wait ends when the browser is online again', { skip }, async () => {
  await page.command('Network.enable');
  const offline = value => page.command('Network.emulateNetworkConditions', {
    offline: value, latency: 0, downloadThroughput: -1, uploadThroughput: -1,
  });
  await inPage((Class, url) => new Promise(resolve => {
    const heartbeat = new Class({ url, reconnectTimeout: 600000 });
    window.opened = new Promise(done => {
      heartbeat.onopen = () => { heartbeat.onopen = () => { heartbeat.close(); done(true); }; heartbeat.ws.close(); };
    });
    heartbeat.onreconnect = () => resolve();
  }));
  await offline(true);
  await offline(false);
  assert.equal(await page.evaluate('window.opened'), true);
});

test('a wait ends when a frozen page is resumed', { skip }, async () => {
  await inPage((Class, url) => new Promise(resolve => {
    const heartbeat = new Class({ url, reconnectTimeout: 600000 });
    window.opened = new Promise(done => {
      heartbeat.onopen = () => { heartbeat.onopen = () => { heartbeat.close(); done(true); }; heartbeat.ws.close(); };
    });
    heartbeat.onreconnect = () => resolve();
  }));
  await page.command('Page.setWebLifecycleState', { state: 'frozen' });
  await page.command('Page.setWebLifecycleState', { state: 'active' });
  assert.equal(await page.evaluate('window.opened'), true);
});

test('nothing in the page was left uncaught', { skip }, () => assert.deepEqual(page.uncaught, []));
