import type { TranslationBundle } from '@jupyterlab/translation';

import type { IToolView } from './session';

/**
 * The sentence that says where a tool stands. It changes with the phase only, so that a screen reader is not told every second.
 */
export function phaseText(view: IToolView, title: string, trans: TranslationBundle): string {
  switch (view.phase) {
    case 'starting':
      return trans.__('Starting %1 …', title);
    case 'running':
      return trans.__('Loading %1 …', title);
    case 'failed':
      return trans.__('%1 failed', title);
    case 'stopped':
      return trans.__('%1 is stopped', title);
  }
}

/** How long a start has taken so far, against what it usually takes. */
export function progressText(view: IToolView, trans: TranslationBundle): string {
  const elapsed = Math.floor(view.elapsedSeconds);
  const expected = Math.round(view.expectedSeconds);
  if (expected <= 0) {
    return trans.__('%1 s', elapsed);
  }
  if (elapsed > expected) {
    return trans.__('%1 s, longer than the usual %2 s', elapsed, expected);
  }
  return trans.__('%1 s of about %2 s', elapsed, expected);
}

/** Share of a start that is done, from 0 to 1; null once it takes longer than usual. */
export function progressShare(view: IToolView): number | null {
  if (view.expectedSeconds <= 0 || view.elapsedSeconds > view.expectedSeconds) {
    return null;
  }
  return view.elapsedSeconds / view.expectedSeconds;
}

/** What a tab is called before the server has named it. Many folders are called `runs`: the one around it tells them apart. */
export function provisionalTitle(title: string, folder: string | null): string {
  if (folder === null) {
    return title;
  }
  const name = folder.split('/').filter(Boolean).slice(-2).join('/');
  return name === '' ? title : `${title} · ${name}`;
}
