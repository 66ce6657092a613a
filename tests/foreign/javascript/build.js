// Makes a component of plugin.js: `node build.js WIT OUT`. With all features off the component imports nothing of WASI: no clock,
// no stdout, and randomness that is the same in every run.

import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [wit, out] = process.argv.slice(2);
const { component } = await componentize({
  sourcePath: 'plugin.js',
  witPath: wit,
  worldName: 'plugin',
  disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'],
});
await writeFile(out, component);
