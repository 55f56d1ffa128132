window.__STUF_CONFIG__ = {
  "apiBaseUrl": "https://files.harbour.example",
  "keycloakUrl": "https://files.harbour.example/auth",
  "keycloakRealm": "stuf",
  "keycloakClientId": "stuf-spa"
};
