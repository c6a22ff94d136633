// Random sessions. A failure names its seed: RANDOM_SEED=7 plays that session alone.
import { test } from 'node:test';
import { playRandomSession } from './fakes/random-session.js';

const COUNT = Number(process.env.RANDOM_COUNT) || 200;

test('random sessions keep the rules', async () => {
  const seeds = process.env.RANDOM_SEED ? [Number(process.env.RANDOM_SEED)] : Array.from({ length: COUNT }, (_, n) => n + 1);
  for (const seed of seeds) {
    try {
      await playRandomSession(seed);
    } catch (error) {
      throw new Error(`RANDOM_SEED=${seed}`, { cause: error });
    }
  }
});
