// Runs one job in a worker.
import { perform } from './job.js';

onmessage = async (event) => postMessage(await perform(event.data));
