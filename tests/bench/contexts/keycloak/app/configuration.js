// The options of `kc.sh start`, from KC_* variables and --name=value, with Keycloak's own refusals.
import fs from "node:fs";

export class ConfigurationError extends Error {}

const HOME = "/opt/keycloak";
const BUILT = `${HOME}/lib/quarkus/quarkus-application.dat`;

// Option → default. An option that is not here is unknown to the stand-in, and refused.
const OPTIONS = {
  "db": "dev-file",
  "db-url": null,
  "db-url-host": null,
  "db-url-database": null,
  "db-url-port": null,
  "db-username": null,
  "db-password": null,
  "db-pool-initial-size": null,
  "db-pool-min-size": null,
  "db-pool-max-size": null,
  "hostname": null,
  "hostname-strict": "true",
  "hostname-admin": null,
  "hostname-backchannel-dynamic": "false",
  "http-enabled": "false",
  "http-port": "8080",
  "http-host": "0.0.0.0",
  "http-relative-path": "/",
  "http-management-port": "9000",
  "http-management-relative-path": null,
  "http-max-queued-requests": null,
  "http-pool-max-threads": null,
  "proxy-headers": null,
  "proxy-trusted-addresses": null,
  "health-enabled": "false",
  "metrics-enabled": "false",
  "cache": "ispn",
  "log": null,
  "log-level": null,
  "log-console-output": null,
  "features": null,
  "features-disabled": null,
  "truststore-paths": null,
  "tls-hostname-verifier": "DEFAULT",
  "transaction-xa-enabled": "false",
  "bootstrap-admin-username": null,
  "bootstrap-admin-password": null,
  "bootstrap-admin-client-id": null,
  "bootstrap-admin-client-secret": null,
  "shutdown-delay": null,
  "shutdown-timeout": null,
};

// Settled when the server is built: `start` builds again when they differ, `start --optimized` does not.
const BUILD_OPTIONS = [
  "db", "http-relative-path", "http-management-relative-path", "health-enabled", "metrics-enabled", "cache",
  "features", "features-disabled", "transaction-xa-enabled",
];

export function configuration(words, environment) {
  const [command, ...rest] = words;
  if (command === undefined) throw new ConfigurationError("no command; usage: kc.sh start [OPTIONS]");
  if (command === "start-dev") throw new ConfigurationError("this stand-in has no start-dev: production only");
  if (command !== "start") throw new ConfigurationError(`this stand-in knows no command '${command}'`);
  const values = { ...OPTIONS };
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("KC_")) continue;
    const option = name.slice(3).toLowerCase().replaceAll("_", "-");
    if (!(option in OPTIONS)) throw new ConfigurationError(`this stand-in does not know the variable ${name}`);
    values[option] = value;
  }
  const flags = new Set();
  for (let index = 0; index < rest.length; index += 1) {
    const word = rest[index];
    if (word === "--import-realm" || word === "--optimized" || word === "--verbose") {
      flags.add(word);
      continue;
    }
    const match = /^--([a-z-]+)(?:=(.*))?$/s.exec(word);
    if (!match || !(match[1] in OPTIONS)) throw new ConfigurationError(`Unknown option: '${word}'`);
    values[match[1]] = match[2] ?? rest[(index += 1)];
  }
  for (const option of Object.keys(OPTIONS)) {
    if (values[option] === "") throw new ConfigurationError(`Invalid empty value for option '--${option}'`);
    if (["true", "false"].includes(OPTIONS[option]) && !["true", "false"].includes(values[option])) {
      throw new ConfigurationError(`Invalid value for option '--${option}': ${values[option]}. Expected values are: true, false`);
    }
  }
  return checked(values, flags);
}

function checked(values, flags) {
  if (!values.hostname && values["hostname-strict"] === "true") {
    throw new ConfigurationError("hostname is not configured; either configure hostname, or set hostname-strict to false");
  }
  if (values["http-enabled"] !== "true") {
    throw new ConfigurationError(
      "Key material not provided to setup HTTPS. Please configure your keys/certificates or enable HTTP by setting http-enabled to true.",
    );
  }
  if (values.db !== "postgres") throw new ConfigurationError(`db is '${values.db}': this stand-in keeps its state in PostgreSQL only`);
  if (values["proxy-headers"] && !["xforwarded", "forwarded"].includes(values["proxy-headers"])) {
    throw new ConfigurationError("Invalid value for option '--proxy-headers'. Expected values are: forwarded, xforwarded");
  }
  for (const path of [values["http-relative-path"], values["http-management-relative-path"] ?? "/"]) {
    if (!path.startsWith("/")) throw new ConfigurationError("a relative path must start with '/'");
  }
  build(values, flags.has("--optimized"));
  const relativePath = values["http-relative-path"].replace(/\/+$/, "");
  return {
    database: database(values),
    frontend: frontend(values.hostname, relativePath),
    relativePath,
    managementPath: (values["http-management-relative-path"] ?? values["http-relative-path"]).replace(/\/+$/, ""),
    port: Number(values["http-port"]),
    host: values["http-host"],
    managementPort: Number(values["http-management-port"]),
    // Without health (and metrics) there is no management interface at all.
    management: values["health-enabled"] === "true" || values["metrics-enabled"] === "true",
    health: values["health-enabled"] === "true",
    proxyHeaders: values["proxy-headers"],
    backchannelDynamic: values["hostname-backchannel-dynamic"] === "true",
    importRealm: flags.has("--import-realm"),
    importFolder: `${HOME}/data/import`,
    truststores: [`${HOME}/conf/truststores`, ...(values["truststore-paths"]?.split(",") ?? [])],
    hostnameVerification: values["tls-hostname-verifier"] !== "ANY",
    bootstrapAdmin: values["bootstrap-admin-username"] || values["bootstrap-admin-password"]
      ? { username: values["bootstrap-admin-username"] ?? "temp-admin", password: values["bootstrap-admin-password"] }
      : null,
  };
}

// `start` writes the server anew when a build option differs from the image's, so its folder must be writable.
function build(values, optimized) {
  let built;
  try {
    built = JSON.parse(fs.readFileSync(BUILT, "utf8"));
  } catch (error) {
    throw new ConfigurationError(`the server's own files are missing under lib/quarkus (${error.code ?? error.message})`);
  }
  const wanted = Object.fromEntries(BUILD_OPTIONS.map((name) => [name, values[name]]));
  const differing = BUILD_OPTIONS.filter((name) => wanted[name] !== (name in built ? built[name] : OPTIONS[name]));
  if (differing.length === 0) return;
  if (optimized) {
    throw new ConfigurationError(
      `The following build time options have values that differ from what is persisted: ${differing.map((name) => `kc.${name}`).join(", ")}. `
        + "Run 'kc.sh build' first or start without --optimized.",
    );
  }
  console.log("Changes detected in configuration. Updating the server image.");
  try {
    fs.writeFileSync(BUILT, JSON.stringify(wanted));
    fs.mkdirSync(`${HOME}/data/tmp`, { recursive: true });
    fs.writeFileSync(`${HOME}/data/tmp/kc-gzip-cache`, "");
  } catch (error) {
    throw new ConfigurationError(`Failed to run 'build' command: ${error.message}`);
  }
}

function database(values) {
  let { "db-url": url } = values;
  if (!url) {
    if (!values["db-url-host"]) throw new ConfigurationError("db-url or db-url-host is needed");
    url = `jdbc:postgresql://${values["db-url-host"]}:${values["db-url-port"] ?? 5432}/${values["db-url-database"] ?? "keycloak"}`;
  }
  const match = /^jdbc:postgresql:\/\/([^:/?]+)(?::(\d+))?\/([^?]+)(?:\?.*)?$/.exec(url);
  if (!match) throw new ConfigurationError("db-url must look like jdbc:postgresql://HOST[:PORT]/DATABASE");
  if (!values["db-username"] || !values["db-password"]) throw new ConfigurationError("db-username and db-password are needed");
  return {
    host: match[1],
    port: Number(match[2] ?? 5432),
    database: match[3],
    user: values["db-username"],
    password: values["db-password"],
  };
}

// The public address: whole when `hostname` is a URL, else scheme and port follow the request.
function frontend(hostname, relativePath) {
  if (!hostname) return null;
  if (/^https?:\/\//.test(hostname)) return { url: hostname.replace(/\/+$/, "") };
  if (!/^[A-Za-z0-9.-]+$/.test(hostname)) throw new ConfigurationError(`Provided hostname is neither a plain hostname nor a valid URL`);
  return { host: hostname, path: relativePath };
}
