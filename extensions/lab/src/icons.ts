import { LabIcon } from '@jupyterlab/ui-components';

import type { ITool } from './api/wire';

/** Stands for a tool that brings no icon, or one that is not an SVG document: a window with a panel in it. */
const FALLBACK = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M4 4h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2m0 5v9h16V9zm2 2h5v5H6zm7 0h5v2h-5z"/>
</svg>`;

/** The general icon of tools. */
export const toolIcon = new LabIcon({ name: 'labyard:tool', svgstr: FALLBACK });

/** Projects: a folder that people stand in front of. */
const PROJECTS = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M10 3H3a2 2 0 0 0-2 2v13a2 2 0 0 0 2 2h5.2c.2-.78.6-1.45 1.1-2H3V7h18v4.3c.8.5 1.5 1.15 2 1.9V7a2 2 0 0 0-2-2h-9z"/>
    <circle cx="16.5" cy="13.5" r="3"/>
    <path d="M16.5 17.5c-3 0-6.500 1.400-6.500 3.900V23h13v-1.600c0-2.500-3.500-3.900-6.500-3.900"/>
  </g>
</svg>`;

export const projectsIcon = new LabIcon({ name: 'labyard:projects', svgstr: PROJECTS });

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
