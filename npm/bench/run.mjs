// The time of one message in each library, over a socket in memory: `npm run bench`.
//
// "receive" is from the event of the socket to the hook, "send" from the call to the socket. "ready"
// is the time to make the first session, in a new process. Each figure is the best of several
// rounds, since other programs only make a round slower.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const contender = fileURLToPath(new URL('contender.mjs', import.meta.url));
const NAMES = ['ours-wasm', 'ours-js', 'original-js', 'original-miniprogram', 'partysocket', 'websocket-ts'];
const ROUNDS = 3;

function measure(name, flags) {
  const rounds = Array.from({ length: ROUNDS }, () => JSON.parse(execFileSync(process.execPath, [...flags, contender, name], { encoding: 'utf8' })));
  const best = key => Math.min(...rounds.map(round => round[key]));
  return { ready: best('ready'), receive: best('receive'), send: best('send') };
}

console.log('| | ready, ms | receive, ns | send, ns |\n|---|---|---|---|');
for (const name of NAMES) {
  const { ready, receive, send } = measure(name, []);
  console.log(`| ${name} | ${ready.toFixed(1)} | ${receive.toFixed(0)} | ${send.toFixed(0)} |`);
}
const jitless = measure('ours-js', ['--jitless']);
console.log(`| ours-js, --jitless | ${jitless.ready.toFixed(1)} | ${jitless.receive.toFixed(0)} | ${jitless.send.toFixed(0)} |`);
