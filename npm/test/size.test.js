import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sizeOf } from '../src/size.js';

test('a text has the size of its UTF-8', () => {
  for (const text of ['', 'a', 'é', '\u07ff', '\u0800', '中', '\uffff', '😀', 'aé中😀', 'x'.repeat(1000)]) {
    assert.equal(sizeOf(text), Buffer.byteLength(text), JSON.stringify(text));
  }
});

test('binary data has its own size', () => {
  assert.equal(sizeOf(new ArrayBuffer(7)), 7);
  assert.equal(sizeOf(new Uint8Array(new ArrayBuffer(7), 2, 3)), 3);
  assert.equal(sizeOf(new Blob(['é'])), 2);
});

test('anything else counts as nothing', () => {
  for (const data of [undefined, null, 7, {}, true]) assert.equal(sizeOf(data), 0);
});
