#!/bin/sh
# Writes config.js with a here-document, unescaped, as the real entry point does (STUF.md, rows 2 and 3).
set -e
for name in API_URL KEYCLOAK_URL KEYCLOAK_REALM KEYCLOAK_CLIENT_ID; do
    eval "value=\${$name:-}"
    [ -n "$value" ] || echo "WARNING: $name not set, using default"
done
port=${SPA_PORT:-3000}
cat >/app/build/config.js <<EOF
window.__STUF_CONFIG__ = {
  apiBaseUrl: "${API_URL:-http://localhost:8000}",
  keycloakUrl: "${KEYCLOAK_URL:-http://localhost:8080}",
  keycloakRealm: "${KEYCLOAK_REALM:-stuf}",
  keycloakClientId: "${KEYCLOAK_CLIENT_ID:-stuf-spa}"
};
EOF
echo "Starting Vite preview server on port $port..."
exec npm run preview -- --host 0.0.0.0 --port "$port"
