// Runs each scenario in a page of its own, and some in a worker too. Prints one line for each.
//
//   node run.js FOLDER SERVER [WORDS]
//
// FOLDER has the bindings of the scenarios. SERVER is the program that serves the rules of transports,
// which are scenarios, too. WORDS choose the scenarios whose names contain them.
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const readline = require('node:readline');

const [bindings, rulesProgram, words = ''] = process.argv.slice(2);
/// Only to end a scenario that hangs. The longest takes about two seconds.
const LIMIT_MS = 60_000;
/// A worker has no document, and no DevTools that its scenarios could use.
const IN_WORKERS = ['text and binary messages come back', 'a reset connection is replaced', 'a sleep of a month does not end at once'];

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/// The WebSocket server, and what it reports about closed connections.
async function startWebSocketServer() {
  const script = path.join(__dirname, '../servers/node_ws.js');
  const child = spawn(process.execPath, [script, '--host', '127.0.0.1', '--port', '0'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const paths = new Map();
  const closed = new Map();
  const waiting = new Map();
  const listening = new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the WebSocket server has ended')));
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      const report = JSON.parse(line);
      if (report.report === 'listening') resolve(report.port);
      if (report.report === 'open') paths.set(report.connection, report.path);
      if (report.report === 'closed') {
        const closedPath = paths.get(report.connection);
        const text = `${report.code} ${report.reason}`;
        closed.set(closedPath, text);
        waiting.get(closedPath)?.(text);
      }
    });
  });
  const port = await listening;
  return {
    address: `ws://127.0.0.1:${port}`,
    /// Resolves with code and reason of a closed connection to this path.
    closed: (closedPath) =>
      new Promise((resolve) => {
        if (closed.has(closedPath)) resolve(closed.get(closedPath));
        else waiting.set(closedPath, resolve);
      }),
    stop: () => child.stdin.end(),
  };
}

/// The server of the rules of transports. It prints its URL, and ends with its standard input.
async function startRulesServer() {
  const child = spawn(rulesProgram, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const address = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('the server of the rules has ended')));
    readline.createInterface({ input: child.stdout }).once('line', resolve);
  });
  return { address, stop: () => child.stdin.end() };
}

/// The server of the page, its scripts and its module.
async function startPageServer(websocketServer) {
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://page');
    if (pathname.startsWith('/closed/')) {
      response.end(await websocketServer.closed(pathname.slice('/closed'.length)));
      return;
    }
    const folder = pathname.startsWith('/bindings/') ? bindings : path.join(__dirname, 'page');
    const file = path.join(folder, path.basename(pathname));
    if (!fs.existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'text/plain' });
    fs.createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const DEVTOOLS = {
  async outage(page) {
    const network = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await page.command('Network.emulateNetworkConditions', { offline: true, ...network });
    await page.command('Network.emulateNetworkConditions', { offline: false, ...network });
  },
  async freeze(page) {
    await page.command('Page.setWebLifecycleState', { state: 'frozen' });
    await page.command('Page.setWebLifecycleState', { state: 'active' });
  },
};

/// Loads the page for one job. Resolves with the value that the job reports.
async function perform(page, address, job) {
  let timer;
  const result = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no result after ${LIMIT_MS} ms`)), LIMIT_MS);
    const binds = [
      page.bind('report', (text) => resolve(JSON.parse(text))),
      page.bind('devtools', (command) => DEVTOOLS[command](page).catch(reject)),
    ];
    Promise.all(binds)
      .then(() => page.navigate(`${address}/page.html?${new URLSearchParams(job)}`))
      .catch(reject);
  });
  try {
    const { value, error } = await result;
    if (error !== undefined) throw new Error(error);
    return value;
  } finally {
    clearTimeout(timer);
  }
}

/// Performs a job in the page that is loaded, for jobs that are shorter than the load of a page.
async function evaluate(page, job) {
  const expression = `perform(${JSON.stringify(job)})`;
  const { result } = await page.command('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  const { value, error } = result.value;
  if (error !== undefined) throw new Error(error);
  return value;
}

async function main() {
  // An ES module, which finds the package `ws` beside it.
  const { openPage } = await import('../../npm/test/chromium.js');
  const websocketServer = await startWebSocketServer();
  const rulesServer = await startRulesServer();
  const pageServer = await startPageServer(websocketServer);
  const page = await openPage();
  await page.command('Network.enable');
  const ask = (job) => perform(page, pageServer.address, { server: websocketServer.address, ...job });
  let count = 0;
  let failures = 0;
  let skipped = 0;
  const test = async (name, act) => {
    if (!name.includes(words)) return;
    const start = performance.now();
    count += 1;
    try {
      const reason = await act();
      const time = `${Math.round(performance.now() - start)} ms`;
      console.log(reason ? `skipped ${name}: ${reason}` : `ok ${name} (${time})`);
      if (reason) skipped += 1;
    } catch (error) {
      failures += 1;
      console.log(`FAILED ${name}: ${error.message}`);
    }
  };
  try {
    // First, because timers are slow in a page that was frozen.
    for (const rule of await ask({ job: 'rules' })) {
      await test(`conformance: ${rule}`, () => evaluate(page, { job: 'check', rule, server: rulesServer.address }));
    }
    for (const scenario of await ask({ job: 'names' })) {
      await test(scenario, () => ask({ job: 'run', scenario }));
    }
    for (const scenario of IN_WORKERS) {
      await test(`in a worker: ${scenario}`, () => ask({ job: 'run', scenario, scope: 'worker' }));
    }
    await test('two page loads draw different delays', async () => {
      const draws = [...(await ask({ job: 'delays' })), ...(await ask({ job: 'delays' }))];
      if (draws.length !== 6 || new Set(draws).size !== 6) throw new Error(`drawn: ${draws}`);
    });
  } finally {
    await page.close();
    pageServer.stop();
    rulesServer.stop();
    websocketServer.stop();
  }
  if (count === 0) throw new Error(`no scenario is named ${words}`);
  console.log(`${count - failures - skipped} of ${count} scenarios passed, ${skipped} do not apply`);
  return failures === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
