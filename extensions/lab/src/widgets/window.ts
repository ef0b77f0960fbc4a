import { Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ToolSession } from '../models/session';

/**
 * Show a tool in a browser window of its own, after starting it where it does not run.
 *
 * Browsers allow a new window only as the direct answer to a click or key. A tool that still has to start is therefore given
 * its window at once, with a line of text in it, and its address later; where even that is refused, a notification with a button
 * opens it once the tool is ready.
 */
export async function openInWindow(session: ToolSession, title: string, trans: TranslationBundle): Promise<void> {
  const { phase, url } = session.view;
  if (phase === 'running' && url !== null) {
    openAddress(url);
    return;
  }
  const waiting = openWaiting(trans.__('Starting %1 …', title), title);
  if (!session.isStarted || phase !== 'starting') {
    session.start();
  }
  const view = await session.settled();
  if (view.phase === 'running' && view.url !== null) {
    const { url: ready } = view;
    lead(waiting, ready, title, trans);
    return;
  }
  waiting?.close();
  if (view.phase === 'failed') {
    Notification.error(`${trans.__('%1 failed', title)}. ${view.reason ?? ''}`, { autoClose: false });
  }
}

/**
 * Show an address in a browser window of its own as soon as it is known.
 *
 * @param address - Resolves to the address; its error is passed on, after the window was closed.
 * @param text - What the window says meanwhile.
 */
export async function openEventually(
  address: () => Promise<string>,
  text: string,
  title: string,
  trans: TranslationBundle
): Promise<void> {
  const waiting = openWaiting(text, title);
  let ready: string;
  try {
    ready = await address();
  } catch (error) {
    waiting?.close();
    throw error;
  }
  lead(waiting, ready, title, trans);
}

/** Lead a waiting window to its address; where the browser has allowed none, offer a button that opens it. */
function lead(waiting: Window | null, url: string, title: string, trans: TranslationBundle): void {
  if (waiting) {
    if (!waiting.closed) {
      waiting.location.replace(url);
    }
    return;
  }
  Notification.info(trans.__('%1 is ready.', title), {
    autoClose: false,
    actions: [
      {
        label: trans.__('Open'),
        callback: () => {
          openAddress(url);
        }
      }
    ]
  });
}

/** Whole address of a path at the platform's own name, which may be another one than this server's. */
export function platformUrl(path: string): string {
  return new URL(path, PageConfig.getOption('hubHost') || window.location.href).href;
}

/** Open an address in a new window that has no way back to this one. */
export function openAddress(url: string): void {
  window.open(url, '_blank', 'noopener');
}

function openWaiting(text: string, title: string): Window | null {
  const waiting = window.open('', '_blank');
  if (!waiting) {
    return null;
  }
  waiting.opener = null;
  const page = waiting.document;
  page.title = title;
  // A white flash would meet someone who works in the dark; the browser's own dark canvas does not.
  const scheme = page.createElement('meta');
  scheme.name = 'color-scheme';
  scheme.content = document.body.dataset['jpThemeLight'] === 'false' ? 'dark' : 'light';
  page.head.append(scheme);
  const line = page.createElement('p');
  line.setAttribute('role', 'status');
  line.textContent = text;
  line.style.cssText = 'font: 1rem system-ui, sans-serif; margin: 40vh 1rem; text-align: center';
  page.body.append(line);
  return waiting;
}
