// Follows a server's start and tells it step by step.

export function xsrfToken() {
  return document.querySelector("meta[name=xsrf]").content;
}

export class Steps {
  constructor(panel) {
    this.list = panel.querySelector("[data-steps]");
    this.bar = panel.querySelector("progress");
    this.current = null;
    this.list.replaceChildren();
    this.timer = setInterval(() => this.tick(), 500);
  }

  add(text) {
    if (this.current?.text === text) {
      return;
    }
    this.settle();
    const item = document.createElement("li");
    const words = document.createElement("span");
    words.textContent = text;
    const time = document.createElement("span");
    time.className = "time";
    time.setAttribute("aria-hidden", "true");
    item.append(words, time);
    item.className = "now";
    this.list.append(item);
    this.current = { text, item, time, since: performance.now() };
  }

  tick() {
    if (this.current) {
      const seconds = (performance.now() - this.current.since) / 1000;
      this.current.time.textContent = seconds < 1 ? "" : `${Math.round(seconds)} s`;
    }
  }

  settle(outcome = "done") {
    if (this.current) {
      this.tick();
      this.current.item.className = outcome;
      this.current = null;
    }
  }

  progress(value) {
    if (typeof value === "number") {
      this.bar.value = Math.max(this.bar.value || 0, value);
    }
  }

  end(outcome) {
    this.settle(outcome);
    clearInterval(this.timer);
  }
}

// The stream answers 400 until the start is under way: `isPending` says whether to ask again.
export function follow(url, steps, { ready, failed, isPending = () => false }) {
  const address = new URL(url, location.href);
  address.searchParams.set("_xsrf", xsrfToken());
  const source = new EventSource(address);
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    steps.progress(event.progress);
    if (event.ready) {
      source.close();
      steps.add("ready");
      steps.end("done");
      ready(event.url);
    } else if (event.failed) {
      source.close();
      steps.end("failed");
      failed(event.message);
    } else if (event.message) {
      steps.add(event.message);
    }
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) {
      if (isPending()) {
        setTimeout(() => follow(url, steps, { ready, failed, isPending }), 300);
      } else {
        failed("");
      }
    }
  };
}
