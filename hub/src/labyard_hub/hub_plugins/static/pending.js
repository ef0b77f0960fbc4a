// The page that waits for a server.

import { Steps, follow } from "./progress.js";

const panel = document.querySelector("[data-progress]");
let leaving = false;

// Cancelling ends the stream too: then the form leads on, not this.
addEventListener("submit", () => {
  leaving = true;
});

function reload() {
  if (!leaving) {
    location.reload(); // the hub then leads on: to the server, or to what went wrong
  }
}

follow(panel.dataset.progress, new Steps(panel), { ready: reload, failed: reload });
