// Runs one job in this page, or in a worker of it, and reports its result to the runner.
import { perform } from './job.js';

const job = Object.fromEntries(new URLSearchParams(location.search));
// `report` and `devtools` are bindings of the runner.
const finish = (result) => window.report(JSON.stringify(result));
const fail = (text) => finish({ error: String(text) });

// A trap of WebAssembly outside of the awaited call.
addEventListener('error', (event) => fail(event.message));
addEventListener('unhandledrejection', (event) => fail(event.reason));

// For jobs of the runner in a page that is loaded.
window.perform = perform;

if (job.scope === 'worker') {
  const worker = new Worker('worker.js', { type: 'module' });
  worker.onmessage = (event) => finish(event.data);
  worker.onerror = (event) => fail(event.message);
  worker.postMessage(job);
} else {
  finish(await perform(job));
}
