import { Token } from '@lumino/coreutils';

import type { IToolApi } from './api/client';
import type { IPlatformApi } from './api/platform';
import type { IAvailableTools as IAvailable } from './models/availableTools';
import type { ProjectList } from './models/projects';

/** The tools that there are, and the server that runs them. */
export interface IAvailableTools extends IAvailable {
  readonly api: IToolApi;
}

export const IAvailableTools = new Token<IAvailableTools>(
  'labyard-lab:IAvailableTools',
  "The tools of this server: their list, and the means to start them. Provided by Labyard's extension."
);

/** The caller's projects, and the service that keeps them. */
export interface IProjects {
  readonly api: IPlatformApi;
  readonly list: ProjectList;
  /** Ask for a project, that of the tool's folder first, and share a running tool with its members. Never rejects. */
  shareTool(instance: string, title: string, folder: string | null): Promise<void>;
}

/** There is none, and so null, on servers that are not somebody's own. */
export const IProjects = new Token<IProjects | null>(
  'labyard-lab:IProjects',
  "Projects shared with colleagues. Provided by Labyard's extension on people's own servers."
);

/** Everything that can be done with projects. Those about one take its name as `project`, and ask where it is missing. */
export const ProjectCommandIDs = {
  show: 'labyard:project-show-all',
  create: 'labyard:project-create',
  refresh: 'labyard:project-refresh',
  openFiles: 'labyard:project-open-files',
  openTogether: 'labyard:project-open-together',
  openMlflow: 'labyard:project-open-mlflow',
  openLabelStudio: 'labyard:project-open-label-studio',
  /** Share the tool's tab that was used last. */
  shareTool: 'labyard:project-share-tool'
} as const;

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
  notebook: 'labyard:notebook-open',
  /** Go to the person's home page, where the servers are. */
  home: 'labyard:home'
} as const;

/** Heading of the tools in the launcher and the palette; a key for translation. */
export const CATEGORY = 'Tools';

/** Heading of what is done with projects in the palette; a key for translation. */
export const PROJECTS_CATEGORY = 'Projects';
