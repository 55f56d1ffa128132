// A small real application: shows which API and which realm its configuration names, and starts a sign-in with PKCE.
const fallback = {
  apiBaseUrl: "http://localhost:8000",
  keycloakUrl: "http://localhost:8080",
  keycloakRealm: "stuf",
  keycloakClientId: "stuf-spa",
};
const configuration = { ...fallback, ...(window.__STUF_CONFIG__ ?? {}) };

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function signIn() {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem("verifier", verifier);
  const question = new URLSearchParams({
    client_id: configuration.keycloakClientId,
    redirect_uri: `${location.origin}/`,
    response_type: "code",
    scope: "openid profile email stuf:access",
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(
    `${configuration.keycloakUrl}/realms/${configuration.keycloakRealm}/protocol/openid-connect/auth?${question}`,
  );
}

const root = document.getElementById("root");
const shown = document.createElement("pre");
shown.id = "configuration";
shown.textContent = JSON.stringify(configuration, null, 2);
const button = document.createElement("button");
button.id = "sign-in";
button.textContent = "Sign in";
button.addEventListener("click", signIn);
root.append(shown, button);
