// Builds the package: the core from the crate `border`, JavaScript made of it, and the entries.
//
//   node build.mjs           everything
//   node build.mjs entries   only the entries, from the core that is there
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const npm = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(npm);
const work = path.join(root, 'target/npm');
const dist = path.join(npm, 'dist');
const miniprogram = path.join(npm, 'miniprogram_dist');
const translatedCore = path.join(work, 'instantiate.js');

// Some mini-program bundlers do not lower what is newer than this.
const LANGUAGE = 'es2017';
// Facts for the optimizer: nothing is stored below address 1,024, which is the unused end of the stack,
// and the memory begins with zeros.
const FACTS = ['--low-memory-unused', '--zero-filled-memory'];
// wasm2js knows only the first version of WebAssembly.
const LOWERING = ['--llvm-memory-copy-fill-lowering', '--signext-lowering', '--llvm-nontrapping-fptoint-lowering'];

function run(command, args, env) {
  execFileSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
}

function binaryen(tool, ...args) {
  run(process.execPath, [path.join(npm, 'node_modules/binaryen/bin', tool), ...args]);
}

/** The core as WebAssembly, straight from the compiler. */
function compile() {
  run('tools/wasm/setup.sh', []);
  // The stack of the module is part of its first memory. The core needs a few kilobytes.
  run('tools/wasm/cargo.sh', ['build', '--quiet', '--locked', '--release', '-p', 'border'], {
    WASM_RUSTFLAGS: '-Clink-arg=-zstack-size=65536',
  });
  return path.join(root, 'target/wasm/wasm32-unknown-unknown/release/border.wasm');
}

/** dist/core.wasm */
function optimize(compiled) {
  binaryen('wasm-opt', compiled, '--strip-debug', '--strip-producers', ...FACTS, '-Oz', '-o', path.join(dist, 'core.wasm'));
}

/** The core as JavaScript: `instantiate()`, which returns a function from the imports to the exports. */
async function translate(compiled) {
  const lowered = path.join(work, 'lowered.wasm');
  const translated = path.join(work, 'core.js');
  // Between the optimizations the control flow is built again, in a form that is shorter as JavaScript.
  const passes = [...LOWERING, ...FACTS, '-Oz', '--flatten', '--rereloop', '-Oz', '--strip-target-features'];
  binaryen('wasm-opt', compiled, '--strip-debug', '--strip-producers', ...passes, '-o', lowered);
  binaryen('wasm2js', '-Oz', lowered, '-o', translated);
  const module = dataAsText(readFileSync(translated, 'utf8')).replace("import * as js from 'js';\n", '');
  // What follows instantiates the module at once. The entries do it at the first use.
  const end = module.indexOf('var retasmFunc = asmFunc(');
  if (end < 0) throw new Error('the output of wasm2js has another form');
  // In the form of a script: a class field or a module would be too new for some bundlers.
  const source = `function instantiate() {'use strict';${byLength(module.slice(0, end))}return asmFunc;}`;
  // Without `reduce_vars`, code that differs only in its constants stays equal, and compresses better.
  const compress = { passes: 2, reduce_vars: false };
  const { code } = await minify(source, { compress, mangle: { toplevel: false }, format: { ascii_only: true } });
  writeFileSync(translatedCore, code);
}

/**
 * Puts the longest functions first. Functions of one length are often alike, and gzip finds what is
 * alike only within 32 KB.
 */
function byLength(module) {
  const parts = module.split(/\n(?= function )/);
  // The last part also holds the end of the module.
  const functions = parts.splice(1, parts.length - 2).sort((a, b) => b.length - a.length);
  return [parts[0], ...functions, parts[1]].join('\n');
}

/**
 * Replaces the base64 in the output of wasm2js by strings, one character a byte. The data are mostly
 * texts, which compress better as they are.
 */
function dataAsText(module) {
  const begin = module.indexOf('  var base64ReverseLookup');
  const end = module.indexOf('function initActiveSegments');
  if (begin < 0 || end < 0) throw new Error('the output of wasm2js has another form');
  const write = 'function writeData(at, data) { for (var i = 0; i < data.length; i++) bufferView[at + i] = data.charCodeAt(i); }\n';
  const text = module.slice(0, begin) + write + module.slice(end);
  return text.replace(/base64DecodeToExistingUint8Array\(bufferView, (\d+), ("[^"]*")\)/g, (_, at, data) => {
    return `writeData(${at}, ${JSON.stringify(Buffer.from(data, 'base64').toString('latin1'))})`;
  });
}

/** The entries, as ES modules and CommonJS. Both share the core as a file of its own. */
async function bundle() {
  const core = readFileSync(translatedCore, 'utf8');
  const call = 'imports=>instantiate()(imports)';
  writeFileSync(path.join(dist, 'core.js'), `${core}export default ${call};\n`);
  writeFileSync(path.join(dist, 'core.cjs'), `${core}module.exports=${call};\n`);
  const names = ['miniprogram', 'browser', 'wasm'].filter(name => existsSync(path.join(npm, 'src', name + '.js')));
  const options = {
    bundle: true, minify: true, target: LANGUAGE, platform: 'neutral', logLevel: 'warning', absWorkingDir: npm,
  };
  for (const name of names) {
    const entry = { ...options, entryPoints: [`src/${name}.js`] };
    await build({ ...entry, format: 'esm', outfile: `dist/${name}.js`, plugins: [sharedCore('./core.js')] });
    await build({ ...entry, format: 'cjs', outfile: `dist/${name}.cjs`, plugins: [sharedCore('./core.cjs')] });
  }
  // The packers of mini-programs copy a folder with CommonJS files that end in .js.
  rmSync(miniprogram, { recursive: true, force: true });
  mkdirSync(miniprogram);
  const packed = { ...options, format: 'cjs' };
  // The core follows as it is: it is minified already, and other names would compress worse.
  const withCore = { ...packed, plugins: [calledCore(`export default ${call}`)], footer: { js: core } };
  await build({ ...withCore, entryPoints: ['src/miniprogram.js'], outfile: 'miniprogram_dist/index.js' });
  await build({ ...packed, entryPoints: ['src/wasm.js'], outfile: 'miniprogram_dist/wasm.js' });
  cpSync(path.join(dist, 'core.wasm'), path.join(miniprogram, 'core.wasm'));
  writeFileSync(path.join(miniprogram, 'core.wasm.br'), brotliCompressSync(readFileSync(path.join(dist, 'core.wasm'))));
}

/** The types of each entry, once for each of the two module formats. */
function copyTypes() {
  for (const file of readdirSync(path.join(npm, 'types'))) {
    const types = readFileSync(path.join(npm, 'types', file), 'utf8');
    writeFileSync(path.join(dist, file), types);
    writeFileSync(path.join(dist, file.replace('.d.ts', '.d.cts')), types.replace(/'(\.\/\w+)\.js'/g, "'$1.cjs'"));
  }
}

/** `#core` in the sources is the file of the core beside the bundle. */
function sharedCore(file) {
  return { name: 'core', setup: build => build.onResolve({ filter: /^#core$/ }, () => ({ path: file, external: true })) };
}

/** `#core` in the sources is this module. */
function calledCore(contents) {
  return { name: 'core', setup: build => {
    build.onResolve({ filter: /^#core$/ }, ({ path }) => ({ path, namespace: 'core' }));
    build.onLoad({ filter: /^#core$/, namespace: 'core' }, () => ({ contents }));
  } };
}

/** npm packs no links. */
function copyLicences() {
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) cpSync(path.join(root, name), path.join(npm, name));
}

/** What the files of the core depend on: the compiled module, and how it is made smaller. */
function identity(compiled) {
  const hash = createHash('sha256');
  for (const file of [compiled, fileURLToPath(import.meta.url), path.join(npm, 'package-lock.json')]) hash.update(readFileSync(file));
  return hash.digest('hex');
}

async function buildCore() {
  const compiled = compile();
  const id = identity(compiled);
  const made = path.join(work, 'core.id');
  const files = [path.join(dist, 'core.wasm'), translatedCore];
  // It takes a minute, so it is not repeated for the same module.
  if (existsSync(made) && readFileSync(made, 'utf8') === id && files.every(file => existsSync(file))) return;
  rmSync(made, { force: true });
  optimize(compiled);
  await translate(compiled);
  writeFileSync(made, id);
}

for (const folder of [dist, work]) mkdirSync(folder, { recursive: true });
if (process.argv[2] !== 'entries') await buildCore();
await bundle();
copyTypes();
copyLicences();
