/** JupyterLab has this many colours for people; each theme chooses ones that its text is readable on. */
const COLORS = 7;

/** One or two letters that stand for somebody. */
export function initials(name: string): string {
  const parts = name.split(/[\s._@-]+/u).filter(Boolean);
  const letters = parts.slice(0, 2).map(part => String.fromCodePoint(part.codePointAt(0) ?? 0));
  return (letters.join('') || '?').toUpperCase();
}

/** Number of somebody's colour, from 1; always the same one for a name. */
export function colorOf(name: string): number {
  let hash = 0;
  for (const character of name) {
    hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  }
  return (hash % COLORS) + 1;
}
