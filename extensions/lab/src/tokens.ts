import { Token } from '@lumino/coreutils';

import type { IToolApi } from './api/client';
import type { IToolCatalog as ICatalog } from './models/catalog';

/** The tools that there are, and the server that runs them. */
export interface IToolCatalog extends ICatalog {
  readonly api: IToolApi;
}

export const IToolCatalog = new Token<IToolCatalog>(
  'labyard-lab:IToolCatalog',
  "The tools of this server: their list, and the means to start them. Provided by Labyard's extension."
);

/** Everything that can be done with tools. */
export const CommandIDs = {
  /** Open a tool: `tool`, and optionally `folder` and `newWindow`. */
  open: 'labyard:tool-open',
  /** Open a tool on the folder that is selected in the file browser, or with `here` on the one it shows: `tool`. */
  openFolder: 'labyard:tool-open-folder',
  /** The others act on the tool's tab that was used last. */
  reload: 'labyard:tool-reload',
  openWindow: 'labyard:tool-open-window',
  restart: 'labyard:tool-restart',
  stop: 'labyard:tool-stop',
  log: 'labyard:tool-log',
  refresh: 'labyard:tools-refresh',
  notebook: 'labyard:notebook-open'
} as const;

/** Heading of the tools in the launcher and the palette; a key for translation. */
export const CATEGORY = 'Tools';
