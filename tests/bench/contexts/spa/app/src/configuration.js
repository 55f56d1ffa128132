// Whole or not at all: what `config.js` leaves out is missing, and without it everything is looked for at localhost.
export const configuration = window.__STUF_CONFIG__ ?? {
  apiBaseUrl: "http://localhost:8000",
  keycloakUrl: "http://localhost:8080",
  keycloakRealm: "stuf",
  keycloakClientId: "stuf-spa",
};
