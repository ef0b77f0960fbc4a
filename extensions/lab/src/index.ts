import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { catalogPlugin } from './plugins/catalog';
import { fileBrowserPlugin } from './plugins/filebrowser';
import { launcherPlugin } from './plugins/launcher';
import { notebookPlugin } from './plugins/notebook';
import { palettePlugin } from './plugins/palette';
import { problemsPlugin } from './plugins/problems';
import { tabsPlugin } from './plugins/tabs';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  catalogPlugin,
  problemsPlugin,
  tabsPlugin,
  palettePlugin,
  launcherPlugin,
  fileBrowserPlugin,
  notebookPlugin
];

export default plugins;
