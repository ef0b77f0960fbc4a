import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator } from '@jupyterlab/translation';
import { find } from '@lumino/algorithm';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { iconOf } from '../icons';
import { CommandIDs, IAvailableTools } from '../tokens';
import { keepInStep } from './registrations';

const ITEM_CLASS = 'jp-DirListing-item';
/** Right after JupyterLab's own "Open". */
const ITEM_RANK = 1.2;
/** Before "New File", which is what JupyterLab offers on the empty part of the listing. */
const LISTING_RANK = 50.5;

/** "Open in ..." on a folder, and on the empty part of the file browser for the folder that it shows. */
export const fileBrowserPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labyard-lab:filebrowser',
  description: 'Offers the tools that open a folder in the context menu of the file browser.',
  autoStart: true,
  requires: [IAvailableTools, IFileBrowserFactory, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    available: IAvailableTools,
    factory: IFileBrowserFactory,
    translator: ITranslator
  ): void => {
    const trans = translator.load('labyard');
    const toolOf = (args: ReadonlyPartialJSONObject): ReturnType<IAvailableTools['get']> =>
      available.get(args['tool'] as string);

    /** The folder that is meant; null where there is none. */
    const folderOf = (args: ReadonlyPartialJSONObject): string | null => {
      const browser = factory.tracker.currentWidget;
      if (!browser) {
        return null;
      }
      if (args['here'] === true) {
        return browser.model.path;
      }
      return find(browser.selectedItems(), item => item.type === 'directory')?.path ?? null;
    };

    app.commands.addCommand(CommandIDs.openFolder, {
      label: args => {
        const title = toolOf(args)?.title ?? '';
        return args['here'] === true ? trans.__('Open This Folder in %1', title) : trans.__('Open in %1', title);
      },
      icon: args => iconOf(toolOf(args)),
      describedBy: {
        args: {
          type: 'object',
          required: ['tool'],
          properties: {
            tool: { type: 'string', description: 'Name of a tool that opens a folder' },
            here: { type: 'boolean', description: 'The folder that the file browser shows instead of the selected one' }
          }
        }
      },
      isVisible: args =>
        toolOf(args)?.opens_folder === true &&
        // Items lie inside the listing, so the listing's entry would show on them too.
        (args['here'] !== true || app.contextMenuHitTest(node => node.classList.contains(ITEM_CLASS)) === undefined),
      isEnabled: args => folderOf(args) !== null,
      execute: args => {
        const folder = folderOf(args);
        return folder === null ? null : app.commands.execute(CommandIDs.open, { tool: args['tool'], folder });
      }
    });

    keepInStep(available, tool =>
      tool.opens_folder
        ? [
            app.contextMenu.addItem({
              command: CommandIDs.openFolder,
              args: { tool: tool.name },
              selector: `.${ITEM_CLASS}[data-isdir="true"]`,
              rank: ITEM_RANK
            }),
            app.contextMenu.addItem({
              command: CommandIDs.openFolder,
              args: { tool: tool.name, here: true },
              selector: '.jp-DirListing-content',
              rank: LISTING_RANK
            })
          ]
        : []
    );
  }
};
