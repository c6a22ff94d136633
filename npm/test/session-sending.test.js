// The border: sending, its bounds, and commands.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { begin, beginOpen, clock, useClockAndCore } from './fakes/session.js';

useClockAndCore();

describe('sending', () => {
  test('an entry reaches the socket before send returns', () => {
    const made = beginOpen();
    assert.equal(made.session.send({ data: 'x' }, 1), undefined);
    assert.deepEqual(made.sent, ['x']);
  });

  test('the original refuses while offline', () => {
    const made = begin();
    assert.equal(made.session.send({ data: 'x' }, 1), 'offline');
    made.last().opened();
    made.last().ended({ code: 1006 });
    assert.equal(made.session.send({ data: 'x' }, 1), 'offline');
    assert.deepEqual(made.of('unsent'), []);
  });

  test('kept entries are sent in order when the connection opens', () => {
    const made = begin({ keep: true });
    for (let n = 0; n < 600; n++) assert.equal(made.session.send({ data: n }, 10), undefined);
    made.last().opened();
    assert.deepEqual(made.sent, [...Array(600).keys()]);
  });

  test('kept entries beyond the count are refused', () => {
    const made = begin({ keep: true, keepCount: 2 });
    const answers = [1, 2, 3].map(data => made.session.send({ data }, 1));
    assert.deepEqual(answers, [undefined, undefined, 'full']);
  });

  test('the bytes of kept entries are bounded exactly', async () => {
    const made = begin({ keep: true, keepBytes: 1000 });
    const send = size => made.session.send({ data: size }, size);
    assert.deepEqual([send(1001), send(600), send(401), send(400), send(1)], ['too large', undefined, 'full', undefined, 'full']);
    assert.equal(send(0), undefined);
    // What is written no longer counts.
    made.last().opened();
    assert.deepEqual(made.sent, [600, 400, 0]);
    made.last().ended({ code: 1006 });
    assert.deepEqual([send(1000), send(1)], [undefined, 'full']);
    // What comes back no longer counts.
    await clock.advance(2000);
    made.last().opened();
    assert.equal(send(1000), undefined);
    assert.deepEqual(made.sent, [600, 400, 0, 1000, 1000]);
  });

  test('bytes of entries with an unknown fate no longer count', async () => {
    const made = begin({ keep: true, keepBytes: 1000 }, {
      socket: { send() { made.last().ended({ code: 1006 }); } },
    });
    const send = size => made.session.send({ data: size }, size);
    assert.deepEqual([send(500), send(500)], [undefined, undefined]);
    made.last().opened();
    assert.deepEqual(made.events.filter(([name]) => name === 'unsent').map(([, entry, fate]) => [entry.data, fate]), [
      [500, 'unknown'], [500, 'unknown'],
    ]);
    assert.deepEqual([send(1000), send(1)], [undefined, 'full']);
  });

  test('kept entries come back when the session ends', () => {
    const made = begin({ keep: true });
    ['a', 'b'].forEach(data => made.session.send({ data }, 1));
    made.session.command('abort');
    assert.deepEqual(made.names(), ['unsent', 'unsent', 'closed']);
    assert.deepEqual(made.events[0].slice(1), [{ data: 'a' }, 'dropped']);
  });

  test('a payload that the socket refuses does not end the connection', () => {
    const error = new TypeError('not a payload');
    const made = beginOpen({}, {
      socket: { send({ data }) { if (data === 'bad') throw error; } },
    });
    made.session.send({ data: 'bad' }, 3);
    assert.deepEqual(made.events[1], ['unsent', { data: 'bad' }, 'refused', error]);
    assert.equal(made.session.send({ data: 'good' }, 4), undefined);
    assert.deepEqual(made.names(), ['open', 'unsent']);
  });

  test('no entry is held after its fate', async () => {
    const made = beginOpen({ keep: true });
    for (let n = 0; n < 10; n++) made.session.send({ data: n }, 1);
    assert.equal(made.session.entries.size, 0);
    made.last().ended({ code: 1006 });
    made.session.send({ data: 'kept' }, 1);
    assert.equal(made.session.entries.size, 1);
    made.session.command('close');
    assert.equal(made.session.entries.size, 0);
  });
});

describe('commands', () => {
  test('close sends its code and reason, and waits for the close event', async () => {
    const made = beginOpen();
    assert.equal(made.session.command('close', 3000, 'bye'), true);
    assert.deepEqual(made.closes, [[3000, 'bye']]);
    assert.equal(made.of('closed').length, 0);
    made.last().ended({ code: 3000 });
    assert.deepEqual(made.of('closed'), [{ reason: 'user', cause: null, event: { code: 3000 } }]);
    assert.equal(clock.timers.size, 0);
    assert.equal(made.session.send({}, 0), 'closed');
    assert.equal(made.session.command('reconnect'), false);
  });

  test('close without an answer ends after the close timeout', async () => {
    const made = beginOpen({ closeTimeout: 700 });
    made.session.command('close');
    await clock.advance(700);
    assert.deepEqual(made.names(), ['open', 'closed']);
    assert.deepEqual(made.abandons, [[1, false]]);
  });

  test('a code that a client must not send is refused', () => {
    const made = beginOpen();
    for (const code of [999, 1005, 1006, 5000, 70000]) assert.equal(made.session.command('close', code, 'x'), false);
    assert.deepEqual(made.closes, []);
    assert.equal(made.session.command('close', 1000), true);
    assert.deepEqual(made.closes, [[1000, undefined]]);
  });

  test('reconnect replaces the connection', async () => {
    const made = beginOpen();
    await clock.advance(1000);
    made.session.command('reconnect');
    // The old connection is closed in order first.
    made.last().ended({ code: 1000 });
    await clock.advance(100);
    assert.equal(made.of('lost')[0].cause, 'replaced');
    assert.equal(made.connections.length, 2);
  });

  test('probe sends a heartbeat with a short timeout', async () => {
    const made = beginOpen({ recheckTimeout: 300 });
    made.session.command('probe');
    assert.deepEqual(made.sent, ['beat']);
    await clock.advance(300);
    assert.equal(made.of('lost')[0].cause, 'heartbeat_timeout');
  });

  test('pause keeps the session still until resume', async () => {
    const made = begin();
    made.session.command('pause');
    await clock.advance(100000);
    assert.deepEqual([made.connections.length, made.of('lost')[0].cause], [1, 'paused']);
    made.session.command('resume');
    await clock.advance(1000);
    assert.equal(made.connections.length, 2);
  });

  test('an unknown command is an error', () => {
    assert.throws(() => begin().session.command('stop'), TypeError);
  });
});
