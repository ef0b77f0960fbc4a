// The page that opens a tool: it has it started, where the visitor may, waits, and leads on.

const main = document.querySelector("[data-tool]");
const { tool, title, api, xsrf } = main.dataset;
const mayStart = main.dataset.mayStart === "true";
const text = main.querySelector("[role=status]");
const bar = main.querySelector("progress");
const again = main.querySelector("button");
const log = main.querySelector("details");

const LOOK_MILLISECONDS = 200;
/** The server answers sooner where there is news. */
const WAIT_SECONDS = 0.5;

function say(sentence, { instance = null, failed = false } = {}) {
  // Written only when it changes, since it is read out.
  if (text.textContent !== sentence) {
    text.textContent = sentence;
  }
  bar.hidden = instance === null || failed;
  if (!bar.hidden) {
    bar.max = Math.max(instance.expected_start_seconds, instance.started_seconds);
    bar.value = instance.started_seconds;
  }
  again.hidden = !(failed && mayStart);
  log.hidden = !failed || !instance?.log_tail?.length;
  log.querySelector("pre").textContent = (instance?.log_tail ?? []).join("\n");
}

async function ask(method, path, body) {
  const answer = await fetch(api + path, {
    method,
    headers: { "Content-Type": "application/json", "X-XSRFToken": xsrf },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Error(content.error?.message ?? `the server answered ${answer.status}`);
  }
  return content;
}

function pause() {
  return new Promise(resolve => setTimeout(resolve, LOOK_MILLISECONDS));
}

/** Return the instance; null: there is none. */
async function look() {
  const { instances } = await ask("GET", "instances");
  const known = instances.some(one => one.id === tool);
  return known ? ask("GET", `instances/${tool}?wait_seconds=${WAIT_SECONDS}`) : null;
}

async function open() {
  let instance = await look();
  if (mayStart && (instance === null || !["starting", "running"].includes(instance.state))) {
    say(`Starting ${title} …`);
    await ask("POST", "instances", { tool, folder: null });
  }
  for (;;) {
    instance = await look();
    if (instance?.state === "running") {
      location.replace(instance.url);
      return;
    }
    if (instance?.state === "failed" || (mayStart && instance?.state === "stopped")) {
      say(`${title} did not start. ${instance.reason ?? ""}`, { instance, failed: true });
      return;
    }
    if (instance?.state === "starting") {
      say(`Starting ${title} …`, { instance });
    } else {
      // It is a viewer who waits.
      say(`${title} is not running. Anyone who may edit here starts it by opening it; this page then leads on.`);
    }
    await pause();
  }
}

async function run() {
  try {
    await open();
  } catch (error) {
    say(`${title} could not be opened: ${error.message}`, { failed: true });
  }
}

again.addEventListener("click", run);
run();
