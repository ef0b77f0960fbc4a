// Loads what JupyterLab will ask for into the browser's cache: while its server starts, or while a page has nothing else to do.
//
// Plain requests and no <link rel=prefetch>: every browser keeps what they bring, and the pages' policy lets them pass.

const AT_ONCE = 4;
const REMEMBERED = "labyard-loaded-ahead";
const DAY = 86400e3;

const script = document.querySelector("script[data-ahead]");
const list = script.dataset.ahead;

// The cache has them then, unless it was emptied; what is missing in it JupyterLab loads itself.
function isThere() {
  try {
    const { of, at } = JSON.parse(localStorage.getItem(REMEMBERED));
    return of === list && Date.now() - at < DAY;
  } catch {
    return false;
  }
}

function remember() {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify({ of: list, at: Date.now() }));
  } catch {
    // Then the next page asks its cache again.
  }
}

async function load(priority) {
  const addresses = await (await fetch(list, { priority })).json();
  const one = async () => {
    for (let next = addresses.shift(); next !== undefined; next = addresses.shift()) {
      const answer = await fetch(new URL(next, new URL(list, location.href)), { priority });
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  remember();
}

function begin() {
  load(script.dataset.when === "now" ? "auto" : "low").catch(() => {
    // Nobody misses it: JupyterLab loads them itself.
  });
}

if (!isThere() && !navigator.connection?.saveData) {
  if (script.dataset.when === "now") {
    begin();
  } else if ("requestIdleCallback" in window) {
    addEventListener("load", () => requestIdleCallback(begin, { timeout: 2000 }));
  } else {
    addEventListener("load", () => setTimeout(begin, 200));
  }
}
