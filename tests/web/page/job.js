// A job is a scenario, or a question to the module.
import init, { delays, names, run } from './bindings/web_tests.js';

export async function perform({ job, scenario, server }) {
  try {
    await init();
    switch (job) {
      case 'names':
        return { value: names() };
      case 'delays':
        return { value: [...(await delays(server))] };
      default:
        return { value: await run(scenario, server) };
    }
  } catch (error) {
    return { error: String(error) };
  }
}
