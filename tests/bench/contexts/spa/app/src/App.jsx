// Who has not signed in sees the page for that, wherever they came to; the others see their collections.
import { useEffect } from "react";
import { useAuth } from "react-oidc-context";

import { Collections } from "./Collections.jsx";

export function App() {
  const auth = useAuth();
  const outside = !auth.isLoading && !auth.isAuthenticated && !auth.activeNavigator;
  useEffect(() => {
    if (outside) window.history.replaceState({}, document.title, "/sign-in");
  }, [outside]);

  if (auth.error) return <p role="alert">{auth.error.message}</p>;
  if (auth.isLoading || auth.activeNavigator) return <p>Loading…</p>;
  if (!auth.isAuthenticated) {
    return (
      <main>
        <h1>Sign in to STUF</h1>
        <button onClick={() => auth.signinRedirect()}>Sign in</button>
      </main>
    );
  }
  return (
    <main>
      <p>
        Welcome, {auth.user.profile.preferred_username}! <button onClick={() => auth.signoutRedirect()}>Logout</button>
      </p>
      <Collections token={auth.user.access_token} />
    </main>
  );
}
