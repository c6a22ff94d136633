// A job is a scenario, or a question to the module.
import init, { check, delays, names, rules, run } from './bindings/web_tests.js';

export async function perform({ job, scenario, rule, server }) {
  try {
    await init();
    switch (job) {
      case 'names':
        return { value: names() };
      case 'rules':
        return { value: rules() };
      case 'check':
        return { value: await check(rule, server) };
      case 'delays':
        return { value: [...(await delays(server))] };
      default:
        return { value: await run(scenario, server) };
    }
  } catch (error) {
    return { error: String(error) };
  }
}
