import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Widget } from '@lumino/widgets';

/** What a document's tab has, as far as it is needed here. */
interface IDocumentTab extends Widget {
  readonly context?: {
    readonly path: string;
    readonly model: { readonly dirty: boolean };
    save(): Promise<void>;
  };
}

/**
 * Save and close the documents of a folder that are open here, since two servers that write one file overwrite each other.
 *
 * A document that cannot be saved stays open.
 *
 * @returns Path below the folder of the one that was in front, or of any other; null where none was open.
 */
export async function handOver(shell: JupyterFrontEnd.IShell, folder: string): Promise<string | null> {
  let opened: string | null = null;
  for (const tab of [...shell.widgets('main')] as IDocumentTab[]) {
    const { context } = tab;
    if (!context?.path.startsWith(`${folder}/`)) {
      continue;
    }
    try {
      if (context.model.dirty) {
        await context.save();
      }
    } catch {
      continue;
    }
    if (opened === null || tab === shell.currentWidget) {
      opened = context.path.slice(folder.length + 1);
    }
    tab.close();
  }
  return opened;
}
