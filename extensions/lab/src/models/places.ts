/**
 * Address of MLflow at one of its workspaces; null is the one that it takes for the person's own.
 *
 * Its page reads the workspace from the part after the hash, where its own addresses are (3.17).
 */
export function workspaceUrl(url: string, workspace: string | null): string {
  return workspace === null ? url : `${url}#/experiments?workspace=${encodeURIComponent(workspace)}`;
}

/** Parameter of a server's address that names a tool to open there. */
export const TOOL_PARAMETER = 'labyard-tool';

/** Address of a server's JupyterLab that opens a tool in a tab once it is there. */
export function withTool(url: string, tool: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}${TOOL_PARAMETER}=${encodeURIComponent(tool)}`;
}

/** Whether an address of JupyterLab asks for nothing but JupyterLab: no file or folder in its path, nothing in its query. */
export function opensNothing(treePath: string, query: string): boolean {
  return treePath === '' && query === '';
}
