// sharp.js IN OUT FORMAT [KEY=JSON ...]: one file through sharp, everything kept that it can keep. Prints the CPU seconds of
// the conversion itself, without the start of node.
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const sharp = require('sharp');

async function main([input, output, format, ...pairs]) {
  const options = Object.fromEntries(pairs.map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), JSON.parse(pair.slice(at + 1))];
  }));
  const began = process.cpuUsage();
  const image = sharp(readFileSync(input), { animated: true, limitInputPixels: false }).keepMetadata();
  writeFileSync(output, await image.toFormat(format, options).toBuffer());
  const used = process.cpuUsage(began);
  console.log((used.user + used.system) / 1e6);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(String(error.message || error));
  process.exit(1);
});
