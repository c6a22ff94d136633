// The sizes of the built files, against the limits and the figures in sizes.json.
//
//   node test/sizes.test.js --write    writes the figures
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const place = new URL('../sizes.json', import.meta.url);
const sizes = JSON.parse(readFileSync(place, 'utf8'));

/** Another version of the compiler makes the files a little larger or smaller. */
const TOLERANCE = 0.02;

/** In bytes; gzip at level 9 and brotli at level 11. */
function measure(file) {
  const bytes = readFileSync(new URL('../' + file, import.meta.url));
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
}

if (process.argv.includes('--write')) {
  for (const file of Object.keys(sizes)) Object.assign(sizes[file], measure(file));
  writeFileSync(place, JSON.stringify(sizes, null, 2) + '\n');
}

for (const [file, { limit, ...figures }] of Object.entries(sizes)) {
  test(`${file} has its size`, () => {
    const measured = measure(file);
    assert.ok(measured.gzip <= limit, `${measured.gzip} bytes after gzip, and the limit is ${limit}`);
    for (const [name, figure] of Object.entries(figures)) {
      const change = Math.abs(measured[name] - figure) / figure;
      assert.ok(change <= TOLERANCE, `${name}: ${measured[name]} bytes, and sizes.json says ${figure}`);
    }
  });
}
