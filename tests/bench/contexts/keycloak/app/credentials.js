// Passwords and one-time codes.
import crypto from "node:crypto";

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function hashPassword(password) {
  const salt = crypto.randomBytes(16);
  return { salt: salt.toString("base64"), hash: crypto.scryptSync(password, salt, 32).toString("base64") };
}

export function passwordMatches(credential, password) {
  const hash = crypto.scryptSync(password, Buffer.from(credential.salt, "base64"), 32);
  return crypto.timingSafeEqual(hash, Buffer.from(credential.hash, "base64"));
}

export function setPassword(user, password, temporary) {
  user.credentials = (user.credentials ?? []).filter((credential) => credential.type !== "password");
  user.credentials.push({ id: crypto.randomUUID(), type: "password", createdDate: Date.now(), ...hashPassword(password) });
  const rest = (user.requiredActions ?? []).filter((action) => action !== "UPDATE_PASSWORD");
  user.requiredActions = temporary ? [...rest, "UPDATE_PASSWORD"] : rest;
}

export const passwordOf = (user) => user.credentials?.find((credential) => credential.type === "password");
export const codesOf = (user) => (user.credentials ?? []).filter((credential) => credential.type === "otp");

// The realm's passwordPolicy, such as `length(12) and notUsername`; null when the password is good.
export function policyProblem(realm, user, password) {
  for (const rule of (realm.passwordPolicy ?? "").split(" and ").filter(Boolean)) {
    const [, name, number] = /^(\w+)(?:\((.*)\))?$/.exec(rule.trim()) ?? [];
    const count = (pattern) => (password.match(pattern) ?? []).length;
    const least = Number(number ?? 1);
    const problem = {
      length: () => [...password].length < Number(number ?? 8) && "invalidPasswordMinLengthMessage",
      maxLength: () => [...password].length > Number(number ?? 64) && "invalidPasswordMaxLengthMessage",
      digits: () => count(/\d/g) < least && "invalidPasswordMinDigitsMessage",
      lowerCase: () => count(/\p{Ll}/gu) < least && "invalidPasswordMinLowerCaseCharsMessage",
      upperCase: () => count(/\p{Lu}/gu) < least && "invalidPasswordMinUpperCaseCharsMessage",
      specialChars: () => count(/[^\p{L}\p{N}]/gu) < least && "invalidPasswordMinSpecialCharsMessage",
      notUsername: () => password.toLowerCase() === user.username && "invalidPasswordNotUsernameMessage",
      notEmail: () => password.toLowerCase() === user.email && "invalidPasswordNotEmailMessage",
      passwordHistory: () => false,
      hashIterations: () => false,
      hashAlgorithm: () => false,
    }[name];
    if (!problem) return `policy ${rule} is not known to the stand-in`;
    const message = problem();
    if (message) return message;
  }
  return null;
}

// Keycloak's secret is 20 characters; an authenticator is given their bytes in Base32.
export function newSecret() {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return Array.from({ length: 20 }, () => letters[crypto.randomInt(letters.length)]).join("");
}

export function base32(text) {
  let bits = "";
  for (const byte of Buffer.from(text, "utf8")) bits += byte.toString(2).padStart(8, "0");
  return bits.match(/.{1,5}/g).map((group) => BASE32[Number.parseInt(group.padEnd(5, "0"), 2)]).join("");
}

// RFC 6238: SHA-1, by default six digits every 30 seconds, one step of tolerance.
export function codeMatches(realm, secret, code) {
  const period = realm.otpPolicyPeriod ?? 30;
  const window = realm.otpPolicyLookAheadWindow ?? 1;
  const now = Math.floor(Date.now() / 1000 / period);
  for (let step = now - window; step <= now + window; step += 1) {
    if (code === codeAt(secret, step, realm.otpPolicyDigits ?? 6)) return true;
  }
  return false;
}

function codeAt(secret, step, digits) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = crypto.createHmac("sha1", Buffer.from(secret, "utf8")).update(counter).digest();
  const offset = mac.at(-1) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits).padStart(digits, "0");
}
