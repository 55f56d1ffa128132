window.__STUF_CONFIG__ = {
  "apiBaseUrl": "https://files.minimal.example",
  "keycloakUrl": "https://files.minimal.example/auth",
  "keycloakRealm": "stuf",
  "keycloakClientId": "stuf-spa"
};
