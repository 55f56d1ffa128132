// HTML as a browser sees it, with the form ids and field names of Keycloak's pages.

const escaped = (text) => String(text ?? "").replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);

export function page(context, title, body, { status = 200, cookies = [] } = {}) {
  const shown = context.realm?.displayName || context.realm?.realm || "Keycloak";
  return {
    status,
    headers: {
      "content-type": "text/html;charset=utf-8",
      "cache-control": "no-store, must-revalidate, max-age=0",
      "content-security-policy": "frame-src 'self'; frame-ancestors 'self'; object-src 'none';",
      "x-frame-options": "SAMEORIGIN",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "x-robots-tag": "none",
      ...(cookies.length ? { "set-cookie": cookies } : {}),
    },
    text: `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="robots" content="noindex, nofollow"><title>${escaped(title)} ${escaped(shown)}</title></head>
<body>
<div id="kc-header-wrapper">${escaped(shown)}</div>
<h1 id="kc-page-title">${escaped(title)}</h1>
${body}
</body>
</html>
`,
  };
}

const alert = (message) => (message ? `<div class="alert-error"><span class="kc-feedback-text">${escaped(message)}</span></div>` : "");

export const errorPage = (context, status, message) =>
  page(context, "We are sorry...", `<div id="kc-error-message"><p class="instruction">${escaped(message)}</p></div>`, { status });

export const loginPage = (context, action, username, error, options) =>
  page(context, "Sign in to your account", `${alert(error)}
<form id="kc-form-login" action="${escaped(action)}" method="post">
<label for="username">Username or email</label><input id="username" name="username" value="${escaped(username)}" type="text" autocomplete="username">
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password">
<input type="hidden" id="id-hidden-input" name="credentialId">
<button name="login" id="kc-login" type="submit">Sign In</button>
</form>`, options);

export const codePage = (context, action, error) =>
  page(context, "Sign in to your account", `${alert(error)}
<form id="kc-otp-login-form" action="${escaped(action)}" method="post">
<label for="otp">One-time code</label><input id="otp" name="otp" autocomplete="one-time-code" type="text">
<input name="login" id="kc-login" type="submit" value="Sign In">
</form>`);

export const passwordPage = (context, action, username, error) =>
  page(context, "Update password", `${alert(error)}
<form id="kc-passwd-update-form" action="${escaped(action)}" method="post">
<input type="text" id="username" name="username" value="${escaped(username)}" autocomplete="username" readonly="readonly" style="display:none;">
<label for="password-new">New Password</label><input type="password" id="password-new" name="password-new" autocomplete="new-password">
<label for="password-confirm">Confirm password</label><input type="password" id="password-confirm" name="password-confirm" autocomplete="new-password">
<input type="checkbox" id="logout-sessions" name="logout-sessions" value="on" checked>
<input type="submit" value="Submit">
</form>`);

export const authenticatorPage = (context, action, secret, shown, manual, error) =>
  page(context, "Mobile Authenticator Setup", `${alert(error)}
<ol id="kc-totp-settings"><li>Install one of the following applications on your mobile</li>
${manual
    ? `<li>Open the application and enter the key: <span id="kc-totp-secret-key">${escaped(shown)}</span></li>`
    : `<li>Open the application and scan the barcode: <a href="${escaped(action)}&amp;mode=manual" id="mode-manual">Unable to scan?</a></li>`}
<li>Enter the one-time code provided by the application</li></ol>
<form action="${escaped(action)}" id="kc-totp-settings-form" method="post">
<input type="text" id="totp" name="totp" autocomplete="off">
<input type="hidden" id="totpSecret" name="totpSecret" value="${escaped(secret)}">
${manual ? '<input type="hidden" id="mode" name="mode" value="manual">' : ""}
<label for="userLabel">Device Name</label><input type="text" id="userLabel" name="userLabel" autocomplete="off">
<input type="checkbox" id="logout-sessions" name="logout-sessions" value="on" checked>
<input type="submit" id="saveTOTPBtn" value="Submit">
</form>`);

export const profilePage = (context, action, user, error) =>
  page(context, "Update Account Information", `${alert(error)}
<form id="kc-update-profile-form" action="${escaped(action)}" method="post">
<input type="text" id="email" name="email" value="${escaped(user.email)}">
<input type="text" id="firstName" name="firstName" value="${escaped(user.firstName)}">
<input type="text" id="lastName" name="lastName" value="${escaped(user.lastName)}">
<input type="submit" value="Submit">
</form>`);

export const infoPage = (context, message, actions, link, options) =>
  page(context, message, `<div id="kc-info-message"><p class="instruction">${escaped(message)}${actions.length ? `: <b>${escaped(actions.join(", "))}</b>` : ""}</p>
${link ? `<p><a href="${escaped(link.href)}">${escaped(link.text)}</a></p>` : ""}</div>`, options);
