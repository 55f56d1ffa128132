// Signs in as the real application does: react-oidc-context at the versions of its lock file, with its settings.
import { createRoot } from "react-dom/client";
import { AuthProvider } from "react-oidc-context";

import { App } from "./App.jsx";
import { configuration } from "./configuration.js";

const { keycloakUrl, keycloakRealm, keycloakClientId } = configuration;

const settings = {
  authority: `${keycloakUrl}/realms/${keycloakRealm}`,
  client_id: keycloakClientId,
  // Without a slash at its end: the realm has to allow that.
  redirect_uri: window.location.origin,
  post_logout_redirect_uri: window.location.origin,
  response_type: "code",
  scope: "openid profile email stuf:access",
  automaticSilentRenew: true,
  includeIdTokenInSilentRenew: true,
  onSigninCallback: () => window.history.replaceState({}, document.title, window.location.pathname),
};

createRoot(document.getElementById("root")).render(
  <AuthProvider {...settings}>
    <App />
  </AuthProvider>,
);
