/**
 * Make an element with a class and attributes.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  attributes: Record<string, string> = {}
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  node.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  return node;
}

/**
 * Make a button that looks like JupyterLab's.
 */
export function button(label: string, className: string, onClick: () => void): HTMLButtonElement {
  const node = element('button', `jp-Button jp-mod-styled ${className}`, { type: 'button' });
  node.textContent = label;
  node.addEventListener('click', onClick);
  return node;
}
