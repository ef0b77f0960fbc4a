/**
 * Address of MLflow at one of its workspaces; null is the one that it takes for the person's own.
 *
 * Its page reads the workspace from the part after the hash, where its own addresses are (3.17).
 */
export function workspaceUrl(url: string, workspace: string | null): string {
  return workspace === null ? url : `${url}#/experiments?workspace=${encodeURIComponent(workspace)}`;
}

/**
 * The address of the platform without the hub's part.
 *
 * @param hubPrefix - Such as `/hub/`.
 */
export function platformPath(hubPrefix: string): string {
  return hubPrefix.replace(/hub\/$/u, '') || '/';
}

/**
 * Where a project's Label Studio is, on the project's own server.
 *
 * @param id - The project's identifier, which is also the name of the user that owns its server.
 */
export function labelStudioUrl(hubPrefix: string, id: string): string {
  return `${platformPath(hubPrefix)}user/${encodeURIComponent(id)}/labyard/open/label-studio`;
}
