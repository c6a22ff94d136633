// The layers and tools of other people are a package of their own. It is installed at the first test.
//
// Its overrides leave out what the tests do not need, such as the compilers of the frameworks.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.dirname(fileURLToPath(import.meta.url));

/** Returns whether the package is there in the versions of its lock file. */
export function installPeers() {
  const installed = path.join(folder, 'node_modules/.package-lock.json');
  const modified = file => statSync(file).mtimeMs;
  if (existsSync(installed) && modified(installed) >= modified(path.join(folder, 'package-lock.json'))) return true;
  return spawnSync('npm', ['ci', '--loglevel=error', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' }).status === 0;
}
