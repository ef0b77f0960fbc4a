// What every page can do with JavaScript; without it the pages work as well.

const root = document.documentElement;

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function themeToggle(button) {
  const label = () => {
    button.textContent = isDark() ? "Light theme" : "Dark theme";
  };
  label();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label); // as in the evening, where the system does so
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("labyard-theme", root.dataset.theme);
    } catch {
      // Then it holds for this page only.
    }
    label();
  });
}

function menu(details) {
  document.addEventListener("click", (event) => {
    if (!details.contains(event.target)) {
      details.open = false;
    }
  });
  details.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && details.open) {
      details.open = false;
      details.querySelector("summary").focus();
    }
  });
  details.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !details.contains(event.relatedTarget)) {
      details.open = false;
    }
  });
}

function reveal(button) {
  const field = document.getElementById(button.getAttribute("aria-controls"));
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? "Hide" : "Show";
  });
}

function copy(button) {
  const field = document.getElementById(button.getAttribute("aria-controls"));
  button.hidden = false;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // No clipboard without TLS: select it, and the keyboard does the rest.
      field.select();
      button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
      return;
    }
    button.textContent = "Copied";
  });
}

// Ask before something that ends running work; without JavaScript it is done at once.
function confirmFirst(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.confirmed) {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    const dialog = document.createElement("dialog");
    dialog.className = "card";
    const heading = document.createElement("h2");
    heading.id = "question";
    heading.textContent = form.dataset.confirm;
    dialog.setAttribute("aria-labelledby", heading.id);
    const text = document.createElement("p");
    text.textContent = form.dataset.confirmText;
    const actions = document.createElement("p");
    actions.className = "actions";
    const [yes, no] = [form.dataset.confirmYes, "Cancel"].map((label) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button";
      button.textContent = label;
      return button;
    });
    yes.classList.add("bad");
    no.autofocus = true;
    yes.addEventListener("click", () => {
      dialog.close();
      form.dataset.confirmed = "yes";
      form.requestSubmit();
    });
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    actions.append(yes, no);
    dialog.append(heading, text, actions);
    document.body.append(dialog);
    dialog.showModal();
  });
}

// A second click on a slow button would send the form twice.
function once(form) {
  form.addEventListener("submit", () => {
    queueMicrotask(() => {
      const button = form.querySelector("button[type=submit]");
      if (button) {
        button.setAttribute("aria-busy", "true");
        form.addEventListener("submit", (event) => event.preventDefault());
      }
    });
  });
}

for (const [selector, enhance] of [
  ["[data-theme-toggle]", themeToggle],
  ["details.menu", menu],
  ["[data-reveal]", reveal],
  ["[data-copy]", copy],
  ["form[data-confirm]", confirmFirst],
  ["form[data-once]", once],
]) {
  document.querySelectorAll(selector).forEach(enhance);
}

if (!window.isSecureContext) {
  document.querySelectorAll("[data-insecure]").forEach((note) => {
    note.hidden = false;
  });
}

// A page that comes back from the browser's memory shows what was true then.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});
