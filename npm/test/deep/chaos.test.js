// Many more random sessions: some 80 ms each.
process.env.CHAOS_SEEDS = process.env.CHAOS_SEEDS || '2000';
await import('../chaos.test.js');
