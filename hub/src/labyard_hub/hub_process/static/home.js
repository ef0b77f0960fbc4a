// The home page: starting in place, and the tools that run in each server.

import { Steps, follow, xsrfToken } from "./progress.js";

function startInPlace(form) {
  const panel = document.querySelector("[data-starting]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.busy) {
      return;
    }
    form.dataset.busy = "yes";
    form.querySelector("button[type=submit]").setAttribute("aria-busy", "true");
    panel.hidden = false;
    const steps = new Steps(panel);
    steps.add("asking for the server");
    let pending = true;
    let over = false;
    const finish = (go) => {
      if (!over) {
        over = true;
        go();
      }
    };
    const failed = () => finish(() => location.assign(form.dataset.failed));
    follow(form.dataset.progress, steps, {
      ready: () => finish(() => location.assign(form.dataset.open)),
      failed,
      isPending: () => pending && !over,
    });
    try {
      const answer = await fetch(form.dataset.api, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-XSRFToken": xsrfToken() },
        body: JSON.stringify({ user_options: null }), // as it was started last
      });
      if (answer.status === 201) {
        finish(() => location.assign(form.dataset.open));
      } else if (!answer.ok) {
        steps.end("failed");
        failed();
      }
    } catch {
      steps.end("failed");
      failed();
    }
    pending = false;
  });
}

// A server answers this only to a browser that has visited it. If it does not, the list is left out.
async function showTools(place) {
  let instances;
  try {
    // On one shared origin JupyterHub lets a request without a token pass in this mode alone; of another origin it could not be read.
    const mode = new URL(place.dataset.instances, location.href).origin === location.origin ? "no-cors" : "cors";
    const answer = await fetch(place.dataset.instances, { credentials: "include", mode, redirect: "error" });
    instances = (await answer.json()).instances;
  } catch {
    return;
  }
  for (const one of Array.isArray(instances) ? instances : []) {
    const item = document.createElement("li");
    const title = document.createElement("span");
    title.className = "tool";
    title.textContent = one.title;
    const facts = document.createElement("span");
    facts.className = "facts";
    facts.textContent = [one.folder, one.state].filter(Boolean).join(" · ");
    item.append(title, facts);
    const server = new URL(place.dataset.instances, location.href);
    const url = new URL(one.url ?? "", server);
    if (one.url && url.origin === server.origin && one.state === "running") {
      const link = document.createElement("a");
      link.href = url.href;
      link.textContent = "Open";
      link.setAttribute("aria-label", `Open ${one.title}`);
      item.append(link);
    }
    place.append(item);
  }
  place.hidden = place.childElementCount === 0;
}

document.querySelectorAll("form[data-start]").forEach(startInPlace);
document.querySelectorAll("[data-instances]").forEach(showTools);

// Something is about to change by itself.
if (document.querySelector("[data-state=stopping], [data-state=starting]")) {
  setTimeout(() => location.reload(), 3000);
}
