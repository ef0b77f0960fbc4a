import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { projectsIcon } from '../../icons';
import type { Visit } from '../../models/visit';
import { useSignal } from './context';

/**
 * A line above everything on a project's server: where one is, what one may do, and the way back.
 */
export class VisitBar extends ReactWidget {
  /**
   * @param options.home - Address of the visitor's own home page.
   */
  constructor(private readonly _options: { visit: Visit; home: string; trans: TranslationBundle }) {
    super();
    this.id = 'labyard-visit';
    this.addClass('labyard-Visit');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _options.trans.__('Project'));
  }

  protected override render(): React.JSX.Element {
    return <Bar {...this._options} />;
  }
}

function Bar({ visit, home, trans }: { visit: Visit; home: string; trans: TranslationBundle }): React.JSX.Element {
  useSignal(visit.changed);
  const { value } = visit;
  return (
    <>
      <projectsIcon.react tag="span" className="labyard-Visit-icon" />
      <span className="labyard-Visit-text" role="status">
        {value === null ? (
          trans.__('A project’s server')
        ) : (
          <>
            <strong>{value.display_name ?? value.name}</strong>
            <span className="labyard-Visit-hint">
              {value.works
                ? trans.__('Everybody in the project works here together.')
                : trans.__('You can look; changes are not kept.')}
            </span>
          </>
        )}
      </span>
      <a href={home}>{trans.__('Back to my own JupyterLab')}</a>
    </>
  );
}
