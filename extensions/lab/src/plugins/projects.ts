import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import { addIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { PlatformApi } from '../api/platform';
import type { IProject } from '../api/projects';
import { iconOf, projectsIcon } from '../icons';
import { sentence } from '../models/failures';
import { withTool } from '../models/places';
import { handOver } from '../models/documents';
import { ProjectList } from '../models/projects';
import { CommandIDs, IProjects, IAvailableTools, ProjectCommandIDs, PROJECTS_CATEGORY } from '../tokens';
import type { IProjectActions } from '../widgets/projects/context';
import { confirm, shareTool } from '../widgets/projects/dialogs';
import { ProjectsPanel } from '../widgets/projects/panel';
import { openAddress, openEventually, platformUrl } from '../widgets/window';

/** Right after the file browser and the running programs. */
const RANK = 250;

/** The panel "Projects", and its commands. Only on somebody's own server: a project's server must not see the tokens of its visitors. */
export const projectsPlugin: JupyterFrontEndPlugin<IProjects | null> = {
  id: 'labyard-lab:projects',
  description: 'Shows the projects that are shared with colleagues, in the left sidebar.',
  autoStart: true,
  provides: IProjects,
  requires: [IAvailableTools, ITranslator],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    available: IAvailableTools,
    translator: ITranslator,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ): IProjects | null => {
    if (PageConfig.getOption('labyardServer') !== 'personal') {
      return null;
    }
    const trans = translator.load('labyard');
    const { commands } = app;
    const api = new PlatformApi(app.serviceManager.serverSettings);
    const list = new ProjectList(api);
    list.noticed.connect((_, text) => {
      Notification.info(text);
    });

    const actions: IProjectActions = {
      toolIcon: name => iconOf(available.get(name)),
      toolReason: name => (available.get(name) ? null : trans.__('This platform does not offer it.')),
      openFiles: async project => {
        await commands.execute('filebrowser:go-to-path', { path: project.path });
        await commands.execute('filebrowser:activate').catch(() => undefined);
      },
      openTogether: detail =>
        openEventually(
          async () => {
            const url = platformUrl((await detail.openServer()).url);
            const path = await handOver(app.shell, detail.project.path);
            return path === null ? url : `${url.replace(/\/$/u, '')}/tree/${URLExt.encodeParts(path)}`;
          },
          trans.__('Opening the server of %1 …', detail.project.display_name),
          detail.project.display_name,
          trans
        ),
      openMlflow: async project => {
        await commands.execute(CommandIDs.open, {
          tool: 'mlflow',
          workspace: project.workspace,
          subject: project.display_name
        });
      },
      openLabelStudio: detail =>
        openEventually(
          async () => withTool(platformUrl((await detail.openServer()).url), 'label-studio'),
          trans.__('Opening Label Studio of %1 …', detail.project.display_name),
          'Label Studio',
          trans
        ),
      openAddress: url => {
        openAddress(platformUrl(url));
      },
      copyAddress: url => {
        Clipboard.copyToSystem(platformUrl(url));
      },
      copyText: text => {
        Clipboard.copyToSystem(text);
      },
      confirm: question => confirm(question, trans)
    };

    const panel = shell
      ? new ProjectsPanel({ list, api, actions, user: PageConfig.getOption('hubUser'), trans })
      : null;
    if (shell && panel) {
      shell.add(panel, 'left', { rank: RANK, type: 'Projects' });
      restorer?.add(panel, panel.id);
    }

    /** The project that a command is about. */
    const projectOf = async (args: ReadonlyPartialJSONObject, title: string): Promise<IProject | null> => {
      if (list.phase !== 'ready') {
        await list.refresh();
      }
      const name = args['project'];
      if (typeof name === 'string') {
        return list.find(name) ?? api.project(name);
      }
      await list.readAll();
      if (list.projects.length === 0) {
        throw new Error(list.error ?? trans.__('You are in no project yet. Create one, or ask for a link to one.'));
      }
      const { value } = await InputDialog.getItem({ title, items: list.projects.map(project => project.name) });
      return list.projects.find(project => project.name === value) ?? null;
    };
    const add = (id: string, label: string, act: (project: IProject) => Promise<void>, icon = projectsIcon): void => {
      commands.addCommand(id, {
        label,
        icon,
        describedBy: {
          args: { type: 'object', properties: { project: { type: 'string', description: 'Name of the project' } } }
        },
        execute: async args => {
          try {
            const project = await projectOf(args, label.replace(/…$/u, ''));
            if (project) {
              await act(project);
            }
          } catch (error) {
            Notification.error(sentence(error));
          }
        }
      });
    };
    if (shell && panel) {
      commands.addCommand(ProjectCommandIDs.show, {
        label: trans.__('Show Projects'),
        icon: projectsIcon,
        describedBy: { args: { type: 'object', properties: {} } },
        execute: () => {
          shell.activateById(panel.id);
          // The command palette gives the keyboard back to the document once a command was run; this comes after that.
          window.setTimeout(() => {
            panel.activate();
          });
        }
      });
      commands.addCommand(ProjectCommandIDs.create, {
        label: trans.__('New Project…'),
        icon: addIcon,
        describedBy: { args: { type: 'object', properties: {} } },
        execute: () => {
          shell.activateById(panel.id);
          panel.startCreating();
        }
      });
      commands.addCommand(ProjectCommandIDs.refresh, {
        label: trans.__('Refresh Projects'),
        describedBy: { args: { type: 'object', properties: {} } },
        execute: () => list.refresh()
      });
    }
    add(ProjectCommandIDs.openFiles, trans.__('Open the Files of a Project…'), project => actions.openFiles(project));
    add(ProjectCommandIDs.openTogether, trans.__('Open a Project Together…'), project =>
      actions.openTogether(list.detail(project))
    );
    add(ProjectCommandIDs.openMlflow, trans.__('Open MLflow of a Project…'), project => actions.openMlflow(project));
    add(ProjectCommandIDs.openLabelStudio, trans.__('Open Label Studio of a Project…'), project =>
      actions.openLabelStudio(list.detail(project))
    );
    const category = trans.__(PROJECTS_CATEGORY);
    for (const command of Object.values(ProjectCommandIDs)) {
      palette?.addItem({ command, category });
    }

    return {
      api,
      list,
      shareTool: (instance, title, folder) => shareTool({ api, list, instance, title, folder, actions, trans })
    };
  }
};
