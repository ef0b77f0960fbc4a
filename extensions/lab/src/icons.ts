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
    <path d="M10 5H4.5A1.5 1.5 0 0 0 3 6.500v11A1.500 1.500 0 0 0 4.500 19H8v-1.200c0-.28.030-.54.090-.800H5V9h14v2.200c.760.320 1.430.800 2 1.400V8.500A1.500 1.500 0 0 0 19.500 7H12z"/>
    <circle cx="15.500" cy="14" r="2.500"/>
    <path d="M15.500 17.500c-2.480 0-5.500 1.100-5.500 3.100V22h11v-1.400c0-2-3.020-3.100-5.500-3.100"/>
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
