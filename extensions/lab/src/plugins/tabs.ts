import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { InputDialog, WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import { launchIcon, refreshIcon, shareIcon, stopIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { ITool } from '../api/wire';
import { iconOf, toolIcon } from '../icons';
import { InstanceDriver, PlatformDriver, type IToolDriver } from '../models/drivers';
import { ToolSession } from '../models/session';
import { workspaceUrl } from '../models/places';
import { provisionalTitle } from '../models/texts';
import { CommandIDs, IProjects, IAvailableTools, ProjectCommandIDs } from '../tokens';
import { placeKey, ToolTab, type IToolPlace } from '../widgets/tab';
import { openInWindow } from '../widgets/window';

const PLUGIN_ID = 'labyard-lab:tabs';

/** Tools as tabs: opens them, brings them back after the page was loaded again, and acts on the one in front. */
export const tabsPlugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Opens tools as tabs of the main area.',
  autoStart: true,
  requires: [IAvailableTools, ITranslator],
  optional: [ILabShell, ILayoutRestorer, IDefaultFileBrowser, ISettingRegistry, IProjects],
  activate: (
    app: JupyterFrontEnd,
    available: IAvailableTools,
    translator: ITranslator,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    browser: IDefaultFileBrowser | null,
    registry: ISettingRegistry | null,
    projects: IProjects | null
  ): void => {
    const trans = translator.load('labyard');
    const { commands } = app;
    const tracker = new WidgetTracker<ToolTab>({ namespace: 'labyard-tools' });
    let opensWindows = false;
    void registry?.load(PLUGIN_ID).then(settings => {
      const read = (): void => {
        opensWindows = settings.get('openIn').composite === 'window';
      };
      settings.changed.connect(read);
      read();
    });

    const drive = async (place: IToolPlace): Promise<IToolDriver> => {
      const tool = await available.find(place.tool);
      if (tool.url === null) {
        return new InstanceDriver(available.api, tool.name, place.folder);
      }
      const named = { ...tool, title: provisionalTitle(tool.title, place.subject ?? null) };
      const workspace = place.workspace ?? (tool.name === 'mlflow' ? await workspaceHere(projects) : null);
      return new PlatformDriver(available.api, named, workspaceUrl(tool.url, workspace));
    };
    const share = (tab: ToolTab): void => {
      const { instance } = tab.session;
      if (projects && instance !== null) {
        void projects.shareTool(instance, tab.title.label, tab.place.folder);
      }
    };

    const openTab = (place: IToolPlace, title: string, isRestored: boolean): ToolTab | null => {
      if (!shell) {
        return null;
      }
      const known = tracker.find(tab => placeKey(tab.place) === placeKey(place));
      if (known) {
        shell.activateById(known.id);
        return known;
      }
      const tool = available.get(place.tool);
      const tab = new ToolTab({
        place,
        title: tool?.title ?? title,
        icon: tool ? iconOf(tool) : toolIcon,
        resolve: async () => {
          const driver = await drive(place);
          const found = available.get(place.tool);
          if (found) {
            tab.introduce(found.title, iconOf(found));
          }
          return driver;
        },
        ready: app.restored,
        translator,
        share: projects ? share : null
      });
      tab.content.toolFocused.connect(() => {
        if (shell.currentWidget !== tab) {
          shell.activateById(tab.id);
        }
      });
      let { phase } = tab.session.view;
      tab.session.changed.connect((_, view) => {
        if (view.phase !== phase) {
          ({ phase } = view);
          notifyTabCommands(commands);
        }
      });
      if (isRestored) {
        void available.ready.then(() => {
          const found = available.get(place.tool);
          if (found && !tab.isDisposed) {
            tab.introduce(found.title, iconOf(found));
            void tracker.save(tab);
          }
        });
      }
      void tracker.add(tab);
      shell.add(tab, 'main', { type: 'Tool', activate: !isRestored });
      return tab;
    };

    const openWindow = async (place: IToolPlace, title: string): Promise<void> => {
      const session = new ToolSession(() => drive(place));
      try {
        await openInWindow(session, title, trans);
      } finally {
        session.dispose();
      }
    };

    /** The folder that a tool opens on, from what a command was given and from what the file browser shows. */
    const folderFor = (tool: ITool, args: ReadonlyPartialJSONObject): string | null => {
      if (!tool.opens_folder) {
        return null;
      }
      const given = args['folder'] ?? args['cwd'];
      const path = typeof given === 'string' ? given : (browser?.model.path ?? '');
      return app.serviceManager.contents.localPath(path);
    };

    commands.addCommand(CommandIDs.open, {
      label: args => {
        const tool = toolOf(available, args);
        if (!tool) {
          return trans.__('Open a Tool…');
        }
        // The launcher, which passes its folder, has a heading above the name; elsewhere the name alone would not say what happens.
        return 'cwd' in args ? tool.title : trans.__('Open %1', tool.title);
      },
      caption: args => toolOf(available, args)?.description ?? '',
      icon: args => iconOf(toolOf(available, args)),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            tool: { type: 'string', description: 'Name of the tool' },
            folder: { type: 'string', description: 'Folder to open it on, for tools that open one' },
            newWindow: { type: 'boolean', description: 'Open it in a browser window of its own' },
            workspace: { type: 'string', description: 'Workspace to open, for MLflow' },
            subject: { type: 'string', description: 'Name of the project that the workspace belongs to' }
          }
        }
      },
      execute: async args => {
        if (args['isRestored'] === true) {
          const place = placeOf(args);
          return openTab(place, typeof args['title'] === 'string' ? args['title'] : place.tool, true);
        }
        const name = typeof args['tool'] === 'string' ? args['tool'] : await choose(available, trans.__('Open a tool'));
        if (name === null) {
          return null;
        }
        const tool = available.get(name) ?? (await available.find(name));
        const place: IToolPlace = { ...placeOf(args), tool: name, folder: folderFor(tool, args) };
        if (args['newWindow'] === true || opensWindows || !shell) {
          // Not waited for: the launcher takes no other click until a command has ended.
          void openWindow(place, tool.title);
          return null;
        }
        return openTab(place, tool.title, false);
      }
    });

    addTabCommands(commands, tracker, {
      reload: trans.__('Reload the Page of the Tool'),
      openWindow: trans.__('Open the Tool in a New Window'),
      restart: trans.__('Restart the Tool'),
      stop: trans.__('Stop the Tool'),
      log: trans.__('Show or Hide the Log of the Tool')
    });
    if (projects) {
      commands.addCommand(ProjectCommandIDs.shareTool, {
        label: trans.__('Share This Tool with a Project…'),
        caption: trans.__('Give the members of a project a link to the tool that you looked at last'),
        icon: shareIcon,
        describedBy: { args: { type: 'object', properties: {} } },
        isEnabled: () => tracker.currentWidget?.canShare === true,
        execute: () => {
          if (tracker.currentWidget) {
            share(tracker.currentWidget);
          }
        }
      });
    }
    tracker.currentChanged.connect(() => {
      notifyTabCommands(commands);
    });

    void restorer?.restore(tracker, {
      command: CommandIDs.open,
      args: tab => ({ ...tab.place, title: tab.content.toolTitle, isRestored: true }),
      name: tab => placeKey(tab.place)
    });
  }
};

/** The commands that act on the tool's tab that was used last. */
function addTabCommands(
  commands: CommandRegistry,
  tracker: WidgetTracker<ToolTab>,
  labels: { reload: string; openWindow: string; restart: string; stop: string; log: string }
): void {
  const add = (
    id: string,
    label: string,
    can: (tab: ToolTab) => boolean,
    act: (tab: ToolTab) => unknown,
    options: Partial<CommandRegistry.ICommandOptions> = {}
  ): void => {
    commands.addCommand(id, {
      label,
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => tracker.currentWidget !== null && can(tracker.currentWidget),
      execute: async () => {
        if (tracker.currentWidget) {
          await act(tracker.currentWidget);
        }
      },
      ...options
    });
  };
  add(
    CommandIDs.reload,
    labels.reload,
    tab => tab.canReload,
    tab => {
      tab.reload();
    },
    { icon: refreshIcon }
  );
  add(
    CommandIDs.openWindow,
    labels.openWindow,
    () => true,
    tab => tab.openWindow(),
    { icon: launchIcon }
  );
  add(
    CommandIDs.restart,
    labels.restart,
    tab => tab.canRestart,
    tab => {
      tab.session.restart();
    }
  );
  add(
    CommandIDs.stop,
    labels.stop,
    tab => tab.canStop,
    tab => tab.stop(),
    { icon: stopIcon }
  );
  add(
    CommandIDs.log,
    labels.log,
    tab => tab.canRestart,
    tab => {
      tab.toggleLog();
    },
    { isToggled: () => tracker.currentWidget?.content.isLogShown ?? false }
  );
}

/** The workspace of the server: the person's own, or the project's. Without it MLflow asks which one is meant; null where it is not known. */
async function workspaceHere(projects: IProjects | null): Promise<string | null> {
  if (projects === null) {
    return PageConfig.getOption('labyardServer') === 'project' ? PageConfig.getOption('hubUser') : null;
  }
  return projects.api.ownWorkspace().catch(() => null);
}

/** Say that what the tab's commands can do may have changed. */
function notifyTabCommands(commands: CommandRegistry): void {
  const all = [CommandIDs.reload, CommandIDs.openWindow, CommandIDs.restart, CommandIDs.stop, CommandIDs.log];
  for (const id of [...all, ProjectCommandIDs.shareTool]) {
    if (commands.hasCommand(id)) {
      commands.notifyCommandChanged(id);
    }
  }
}

function toolOf(available: IAvailableTools, args: ReadonlyPartialJSONObject): ITool | undefined {
  const name = args['tool'];
  return typeof name === 'string' ? available.get(name) : undefined;
}

function placeOf(args: ReadonlyPartialJSONObject): IToolPlace {
  const text = (name: string): string | null => {
    const value = args[name];
    return typeof value === 'string' ? value : null;
  };
  return { tool: text('tool') ?? '', folder: text('folder'), workspace: text('workspace'), subject: text('subject') };
}

/** Ask which tool is meant; null where the person does not say. */
async function choose(available: IAvailableTools, title: string): Promise<string | null> {
  await available.ready;
  const titles = available.tools.map(tool => tool.title);
  const { value } = await InputDialog.getItem({ title, items: titles });
  return available.tools.find(tool => tool.title === value)?.name ?? null;
}
