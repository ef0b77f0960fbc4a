/** Schema of what the server tells about documents that are edited together. */
export const DOCUMENT_EVENTS = 'https://schema.jupyter.org/jupyter_collaboration/session/v1';

/** What is used of such an event. */
interface IDocumentEvent {
  schema_id?: unknown;
  path?: unknown;
  level?: unknown;
  action?: unknown;
}

/** Finds the files whose changes the server cannot save: each once, until it is saved again. */
export class UnsavedFiles {
  private readonly _told = new Set<string>();

  /**
   * Look at one event of the server.
   *
   * @returns The path of a file that can no longer be saved; null for everything else.
   */
  see(event: IDocumentEvent): string | null {
    const { path } = event;
    if (event.schema_id !== DOCUMENT_EVENTS || typeof path !== 'string') {
      return null;
    }
    if (event.action === 'save') {
      this._told.delete(path);
    }
    if (event.level !== 'ERROR' || this._told.has(path)) {
      return null;
    }
    this._told.add(path);
    return path;
  }
}
