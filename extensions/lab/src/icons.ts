import { LabIcon } from '@jupyterlab/ui-components';

import type { ITool } from './api/wire';

/** Stands for a tool that brings no icon, or one that is not an SVG document: a window with a panel in it. */
const FALLBACK = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M4 4h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2m0 5v9h16V9zm2 2h5v5H6zm7 0h5v2h-5z"/>
</svg>`;

/** The general icon of tools. */
export const toolIcon = new LabIcon({ name: 'labyard:tool', svgstr: FALLBACK });

const icons = new Map<string, LabIcon>();

/**
 * The icon of a tool.
 *
 * JupyterLab knows icons by a name that must stay with one drawing, so a tool whose drawing changes gets a new name.
 */
export function iconOf(tool: ITool | undefined): LabIcon {
  const svg = tool?.icon?.trim();
  if (!tool || !svg) {
    return toolIcon;
  }
  const key = `${tool.name}\n${svg}`;
  let icon = icons.get(key);
  if (!icon) {
    icon = isSvg(svg) ? new LabIcon({ name: `labyard:tool-${tool.name}-${icons.size}`, svgstr: svg }) : toolIcon;
    icons.set(key, icon);
  }
  return icon;
}

function isSvg(text: string): boolean {
  const document = new DOMParser().parseFromString(text, 'image/svg+xml');
  return document.documentElement.localName === 'svg' && document.querySelector('parsererror') === null;
}
