import { DisposableSet, type IDisposable } from '@lumino/disposable';

import type { ITool } from '../api/wire';
import type { IAvailableTools } from '../models/availableTools';

/**
 * Register something for every tool, and do it again whenever the list of tools changes.
 *
 * @param register - Makes a tool's entries; they are disposed before the next round.
 */
export function keepInStep(
  available: Pick<IAvailableTools, 'tools' | 'changed'>,
  register: (tool: ITool, index: number) => IDisposable[]
): void {
  let registered = new DisposableSet();
  const renew = (): void => {
    registered.dispose();
    registered = DisposableSet.from(available.tools.flatMap(register));
  };
  available.changed.connect(renew);
  renew();
}
