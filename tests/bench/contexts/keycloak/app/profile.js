// The declarative user profile of Keycloak 24 and later: what a user's fields may hold, and which attributes exist.
import { Refused, check } from "./representations.js";

// eslint-disable-next-line no-control-regex
const PERSON_NAME = /^[^<>&"\v$%!#?§;*~/\\|^=[\]{}()\x00-\x1f\x7f-\x9f]+$/u;
// eslint-disable-next-line no-control-regex
const USERNAME = /^[^<>&"'\s$%!#?§,;:*~/\\|^=[\]{}()`\x00-\x1f\x7f-\x9f]+$/u;
const HOMOGRAPH = /^[\p{Script=Latin}\p{Script=Common}]+$/u;
const EMAIL = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

const both = { view: ["admin", "user"], edit: ["admin", "user"] };

export const DEFAULT_PROFILE = {
  attributes: [
    {
      name: "username",
      displayName: "${username}",
      validations: { "length": { min: 3, max: 255 }, "username-prohibited-characters": {}, "up-username-not-idn-homograph": {} },
      permissions: both,
      multivalued: false,
    },
    {
      name: "email",
      displayName: "${email}",
      validations: { email: {}, length: { max: 255 } },
      required: { roles: ["user"] },
      permissions: both,
      multivalued: false,
    },
    {
      name: "firstName",
      displayName: "${firstName}",
      validations: { "length": { max: 255 }, "person-name-prohibited-characters": {} },
      required: { roles: ["user"] },
      permissions: both,
      multivalued: false,
    },
    {
      name: "lastName",
      displayName: "${lastName}",
      validations: { "length": { max: 255 }, "person-name-prohibited-characters": {} },
      required: { roles: ["user"] },
      permissions: both,
      multivalued: false,
    },
  ],
  groups: [{ name: "user-metadata", displayHeader: "User metadata", displayDescription: "Attributes, which refer to user metadata" }],
};

const COMPONENT = "org.keycloak.userprofile.UserProfileProvider";
const ROOT = ["username", "email", "firstName", "lastName"];

const VALIDATORS = {
  "length": (value, { min = 0, max = Infinity, "trim-disabled": untrimmed }) => {
    const size = (untrimmed ? value : value.trim()).length;
    return size >= Number(min) && size <= Number(max) ? null : "error-invalid-length";
  },
  "email": (value, { "max-local-length": local = 64 }) =>
    EMAIL.test(value) && value.split("@")[0].length <= Number(local) ? null : "error-invalid-email",
  "person-name-prohibited-characters": (value) => (PERSON_NAME.test(value) ? null : "error-person-name-invalid-character"),
  "username-prohibited-characters": (value) => (USERNAME.test(value) ? null : "error-username-invalid-character"),
  "up-username-not-idn-homograph": (value) => (HOMOGRAPH.test(value) ? null : "error-username-invalid-character"),
  "pattern": (value, { pattern }) => (new RegExp(`^(?:${pattern})$`, "u").test(value) ? null : "error-pattern-no-match"),
};

// The profile in a realm's representation: a component whose one value is JSON in a string.
export function profileOf(realm) {
  const component = realm.components?.[COMPONENT]?.[0];
  const text = component?.config?.["kc.user.profile.config"]?.[0];
  return text ? JSON.parse(text) : DEFAULT_PROFILE;
}

export function setProfile(realm, profile) {
  checkProfile(profile);
  realm.components = {
    ...realm.components,
    [COMPONENT]: [{ providerId: "declarative-user-profile", config: { "kc.user.profile.config": [JSON.stringify(profile)] } }],
  };
}

export function checkProfile(profile) {
  check(profile, "UserProfileConfig");
  const names = (profile.attributes ?? []).map((attribute) => attribute.name);
  for (const name of ["username", "email"]) {
    if (!names.includes(name)) throw new Refused(400, { errorMessage: `UserProfile configuration: the attribute '${name}' can not be removed` });
  }
  for (const attribute of profile.attributes) {
    for (const validator of Object.keys(attribute.validations ?? {})) {
      if (!(validator in VALIDATORS)) throw new Refused(400, { errorMessage: `UserProfile configuration: validator '${validator}' is not known to the stand-in` });
    }
  }
}

// What is wrong with a user, first finding first, for an administrator's call or for the user's own sign-in.
export function findings(realm, user, context) {
  const found = [];
  for (const attribute of profileOf(realm).attributes) {
    const values = ROOT.includes(attribute.name) ? [user[attribute.name]] : user.attributes?.[attribute.name] ?? [];
    const present = values.filter((value) => value !== undefined && value !== null && value !== "");
    if (present.length === 0) {
      const roles = attribute.required?.roles;
      // Administrators of `master` need neither mail nor name.
      if (realm.realm !== "master" && attribute.required && (!roles?.length || roles.includes(context))) found.push({ field: attribute.name, errorMessage: "error-user-attribute-required" });
      continue;
    }
    for (const [name, settings] of Object.entries(attribute.validations ?? {})) {
      for (const value of present) {
        const problem = VALIDATORS[name](String(value), settings ?? {});
        if (problem) found.push({ field: attribute.name, errorMessage: problem, params: [attribute.name] });
      }
    }
  }
  return found;
}

// Attributes outside the profile vanish without a word, unless the realm's policy keeps them.
export function managedAttributes(realm, attributes) {
  const profile = profileOf(realm);
  const keepsAll = ["ENABLED", "ADMIN_EDIT"].includes(profile.unmanagedAttributePolicy);
  const known = profile.attributes.map((attribute) => attribute.name);
  const kept = {};
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (ROOT.includes(name)) continue;
    if (keepsAll || known.includes(name)) kept[name] = (Array.isArray(value) ? value : [value]).map(String);
  }
  return kept;
}
