window.__STUF_CONFIG__ = {
  "apiBaseUrl": "https://files.acme.example",
  "keycloakUrl": "https://files.acme.example/auth",
  "keycloakRealm": "stuf",
  "keycloakClientId": "stuf-spa"
};
