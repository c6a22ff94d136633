// Bundles the layers of frameworks as the tools of those frameworks do.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = path.dirname(fileURLToPath(import.meta.url));
const FEATURE = /\b(?:__(?:UNI_FEATURE|VUE_OPTIONS|VUE_PROD)_\w+__|ENABLE_[A-Z_]+)\b/g;

/** uni-app has a copy of Vue for each kind of platform. */
const vueOf = name => (name === 'uni-h5' ? '@dcloudio/uni-h5-vue' : '@dcloudio/uni-mp-vue');

/** All features that the frameworks' tools can turn on are off. */
const features = {
  name: 'features',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@(?:dcloudio|tarojs)[\\/].*\.js$/ }, ({ path: file }) => ({
      contents: readFileSync(file, 'utf8').replace(FEATURE, 'false'),
    }));
  },
};

async function bundle(options) {
  const { outputFiles } = await build({
    absWorkingDir: folder,
    bundle: true,
    write: false,
    logLevel: 'error',
    define: { 'process.env': '{"NODE_ENV":"production"}' },
    plugins: [features],
    ...options,
  });
  return outputFiles[0].text;
}

/**
 * A function that runs the layer of this name and returns its exports. The layer sees `globals`, so
 * that each call makes a layer over a platform of its own.
 */
export async function loadLayer(name) {
  const code = await bundle({ entryPoints: [`entries/${name}.js`], format: 'cjs', alias: { vue: vueOf(name) } });
  return globals => {
    const module = { exports: {} };
    new Function('module', ...Object.keys(globals), code)(module, ...Object.values(globals));
    return module.exports.default || module.exports;
  };
}

/** A script for a page, which is `entries/page.js` with all that it imports. */
export function bundlePage() {
  return bundle({ entryPoints: ['entries/page.js'], format: 'iife', alias: { vue: vueOf('uni-h5') } });
}
