// Runs unit tests that were compiled to WebAssembly with runner.rs:
//
//   node run.js MODULE.wasm WORDS COUNT
//
// WORDS choose the tests whose names contain them, and there must be COUNT of them. A test that
// panics traps, so each test has an instance of its own. Prints each ignored and each failed test,
// and their numbers.
'use strict';
const fs = require('node:fs');

const [file, words, expected] = process.argv.slice(2);
const module_ = new WebAssembly.Module(fs.readFileSync(file));

function instantiate() {
  const { exports } = new WebAssembly.Instance(module_);
  exports.main(0, 0);
  return exports;
}

function names() {
  const tests = instantiate();
  return Array.from({ length: tests.count() }, (_, index) => {
    const bytes = new Uint8Array(tests.memory.buffer, tests.name(index), tests.name_length(index));
    return Buffer.from(bytes).toString();
  });
}

const counts = { passed: 0, failed: 0, ignored: 0 };
names().forEach((name, index) => {
  if (!name.includes(words)) return;
  const tests = instantiate();
  let result = 'passed';
  if (tests.is_ignored(index)) {
    result = 'ignored';
    console.log(`ignored ${name}`);
  } else {
    try {
      tests.run(index);
    } catch (error) {
      result = 'failed';
      console.log(`FAILED ${name}\n${error.stack}`);
    }
  }
  counts[result] += 1;
});
const total = counts.passed + counts.failed + counts.ignored;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.ignored} ignored`);
if (total !== Number(expected)) console.log(`FAILED: ${total} tests instead of ${expected}`);
process.exit(counts.failed === 0 && total === Number(expected) ? 0 : 1);
