// The server of the demo page: `node demo/server.mjs`, then open the printed address.
//
// It serves the page, and a WebSocket server on another port, which the page can disturb:
// POST /silence, /answer, /cut, /close and /restart.
import { createReadStream } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const root = fileURLToPath(new URL('..', import.meta.url));
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
      sockets.faults[fault]();
      response.end();
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

async function startSockets(down) {
  let silent = false;
  let port = 0;
  let server = null;
  let restart = null;
  let clock = null;

  async function listen() {
    server = new WebSocketServer({ host: '127.0.0.1', port });
    await once(server, 'listening');
    port = server.address().port;
    server.on('connection', ws => {
      ws.on('error', () => {});
      ws.on('message', data => { if (!silent) ws.send(`answer to: ${data}`); });
    });
  }
  function cut() { server.clients.forEach(ws => ws.terminate()); }

  await listen();
  // News, so that the page shows what a program would receive.
  clock = setInterval(() => {
    if (!silent) server.clients.forEach(ws => ws.send(`news of ${new Date().toLocaleTimeString('en-GB')}`));
  }, 4000);
  return {
    get address() { return `ws://127.0.0.1:${port}/`; },
    faults: {
      silence() { silent = true; },
      answer() { silent = false; },
      cut,
      close() { server.clients.forEach(ws => ws.close(4000, 'asked by the page')); },
      restart() {
        if (restart) return;
        server.close();
        cut();
        restart = setTimeout(() => {
          restart = null;
          silent = false;
          listen();
        }, down);
      },
    },
    stop() {
      clearInterval(clock);
      clearTimeout(restart);
      cut();
      server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { address } = await startDemo();
  console.log(`open ${address}`);
}
