// The page of tokens, by JupyterHub's REST API.

import { xsrfToken } from "./progress.js";

const form = document.querySelector("[data-new-token]");
const api = form.dataset.newToken;
const problem = document.querySelector("[data-problem]");

async function ask(url, options) {
  problem.hidden = true;
  const answer = await fetch(url, { ...options, headers: { "Content-Type": "application/json", "X-XSRFToken": xsrfToken() } });
  if (!answer.ok) {
    const body = await answer.json().catch(() => ({}));
    problem.textContent = body.message || `The hub answered ${answer.status}. Load the page again and retry.`;
    problem.hidden = false;
    problem.focus();
    return null;
  }
  return answer.status === 204 ? {} : answer.json();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const body = { note: fields.get("note") || "made on the tokens page", expires_in: Number.parseInt(fields.get("expires_in"), 10) || null };
  const scopes = fields.get("scopes").split(" ").filter(Boolean);
  if (scopes.length) {
    body.scopes = scopes;
  }
  const made = await ask(api, { method: "POST", body: JSON.stringify(body) });
  if (made) {
    const shown = document.querySelector("[data-token-result]");
    shown.hidden = false;
    const field = shown.querySelector("input");
    field.value = made.token;
    field.focus();
  }
});

for (const button of document.querySelectorAll("[data-revoke]")) {
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    if (await ask(`${api}/${encodeURIComponent(button.dataset.revoke)}`, { method: "DELETE" })) {
      const next = button.closest("tr").nextElementSibling;
      button.closest("tr").remove();
      (next?.querySelector("button") ?? form.querySelector("input")).focus();
    } else {
      button.removeAttribute("aria-busy");
    }
  });
}
