// The server of the demo page: `node demo/server.mjs`, then open the printed address.
//
// It serves the page, and starts `wsbeat serve` on another port, which the page can disturb:
// POST /silence, /answer, /cut, /close and /restart. The variable WSBEAT can name the program; without
// it, cargo builds the program from this repository.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

const root = fileURLToPath(new URL('..', import.meta.url));
const FAULTS = ['silence', 'answer', 'cut', 'close', 'restart'];
const FILES = {
  '/': ['demo/index.html', 'text/html'],
  '/browser.js': ['dist/browser.js', 'text/javascript'],
  '/core.js': ['dist/core.js', 'text/javascript'],
};

/**
 * Starts the demo on free ports. Returns its address and a function that stops it.
 * @param {number} [down] how long a restart of the WebSocket server takes, in milliseconds
 */
export async function startDemo(down = 5000) {
  const sockets = await startSockets(down);
  const page = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://127.0.0.1');
    const fault = pathname.slice(1);
    if (request.method === 'POST' && Object.hasOwn(sockets.faults, fault)) {
      sockets.faults[fault]().then(() => response.end(), () => response.destroy());
    } else if (pathname === '/address') {
      response.end(sockets.address);
    } else if (Object.hasOwn(FILES, pathname)) {
      const [file, type] = FILES[pathname];
      response.writeHead(200, { 'content-type': `${type}; charset=utf-8` });
      createReadStream(path.join(root, file)).on('error', () => response.destroy()).pipe(response);
    } else {
      response.writeHead(404).end();
    }
  });
  page.listen(0, '127.0.0.1');
  await once(page, 'listening');
  const stop = () => {
    sockets.stop();
    page.closeAllConnections();
    page.close();
  };
  return { address: `http://127.0.0.1:${page.address().port}/`, faults: sockets.faults, stop };
}

/** Starts `wsbeat serve`, which obeys the faults as HTTP requests. */
async function startSockets(down) {
  const options = ['serve', '--control', '--quiet', '--restart-time', `${down}ms`, '--tick', '4s', '--prefix', 'answer to: '];
  const [program, ...before] = process.env.WSBEAT ? [process.env.WSBEAT] : ['cargo', 'run', '--quiet', '-p', 'wsbeat', '--'];
  const server = spawn(program, [...before, ...options], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  server.on('error', error => { throw new Error(`${program} cannot start`, { cause: error }); });
  const [address] = await once(createInterface({ input: server.stdout }), 'line');
  const command = fault => fetch(`${address.replace('ws:', 'http:')}${fault}`, { method: 'POST' });
  const faults = Object.fromEntries(FAULTS.map(fault => [fault, () => command(fault)]));
  return { address, faults, stop: () => server.kill() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { address } = await startDemo();
  console.log(`open ${address}`);
}
