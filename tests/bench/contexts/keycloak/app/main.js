// kc.sh COMMAND OPTIONS: what the stand-in starts with.
import { ConfigurationError, configuration } from "./configuration.js";
import { start } from "./server.js";

try {
  await start(configuration(process.argv.slice(2), process.env));
} catch (error) {
  console.error(error instanceof ConfigurationError ? `ERROR: ${error.message}` : error);
  process.exit(error instanceof ConfigurationError ? 2 : 1);
}
