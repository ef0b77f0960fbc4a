import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { availableToolsPlugin } from './plugins/availableTools';
import { deadlinePlugin } from './plugins/deadline';
import { fileBrowserPlugin } from './plugins/filebrowser';
import { homePlugin } from './plugins/home';
import { launcherPlugin } from './plugins/launcher';
import { notebookPlugin } from './plugins/notebook';
import { palettePlugin } from './plugins/palette';
import { problemsPlugin } from './plugins/problems';
import { projectsPlugin } from './plugins/projects';
import { safeStartPlugin } from './plugins/safeStart';
import { savingPlugin } from './plugins/saving';
import { startPlugin } from './plugins/start';
import { tabsPlugin } from './plugins/tabs';
import { unsavedPlugin } from './plugins/unsaved';
import { visitPlugin } from './plugins/visit';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  availableToolsPlugin,
  problemsPlugin,
  projectsPlugin,
  startPlugin,
  tabsPlugin,
  palettePlugin,
  launcherPlugin,
  fileBrowserPlugin,
  notebookPlugin,
  homePlugin,
  visitPlugin,
  deadlinePlugin,
  safeStartPlugin,
  savingPlugin,
  unsavedPlugin
];

export default plugins;
