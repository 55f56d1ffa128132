// Mail as Keycloak sends it: by the realm's smtpServer, over TLS with the trust store's authorities.
import fs from "node:fs";
import path from "node:path";

import nodemailer from "nodemailer";

const SYSTEM = "/etc/pki/tls/certs/ca-bundle.crt";

function authorities(places) {
  const files = [SYSTEM];
  for (const place of places) {
    if (!fs.existsSync(place)) continue;
    if (fs.statSync(place).isDirectory()) files.push(...fs.readdirSync(place).filter((name) => /\.(crt|pem)$/.test(name)).map((name) => path.join(place, name)));
    else files.push(place);
  }
  return files.map((file) => fs.readFileSync(file, "utf8"));
}

export async function send(configuration, realm, user, subject, text, html) {
  const server = realm.smtpServer ?? {};
  if (!server.host) throw new Error("no smtpServer host");
  if (!server.from) throw new Error("Please provide a valid address: no smtpServer from");
  const ssl = server.ssl === "true";
  const starttls = server.starttls === "true";
  const transport = nodemailer.createTransport({
    host: server.host,
    port: Number(server.port || (ssl ? 465 : 25)),
    secure: ssl,
    ignoreTLS: !ssl && !starttls,
    requireTLS: starttls,
    auth: server.auth === "true" ? { user: server.user, pass: server.password } : undefined,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 10_000,
    tls: { ca: authorities(configuration.truststores), rejectUnauthorized: true, ...(configuration.hostnameVerification ? {} : { checkServerIdentity: () => undefined }) },
  });
  await transport.sendMail({
    from: server.fromDisplayName ? { name: server.fromDisplayName, address: server.from } : server.from,
    replyTo: server.replyTo || undefined,
    envelope: server.envelopeFrom ? { from: server.envelopeFrom, to: user.email } : undefined,
    to: user.email,
    subject,
    text,
    html,
  });
}
