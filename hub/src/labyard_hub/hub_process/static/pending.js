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
    location.reload(); // the hub then leads on to what went wrong
  }
}

// Straight to the server, without the way through the hub; to nobody else's site, whatever the address says.
function open(server) {
  if (!leaving) {
    const asked = new URLSearchParams(location.search).get("next");
    const place = new URL(asked || server, location.href);
    location.replace(place.origin === location.origin ? place.href : server);
  }
}

follow(panel.dataset.progress, new Steps(panel), { ready: open, failed: reload });
