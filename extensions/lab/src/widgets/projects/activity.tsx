import React from 'react';

import { exactTime, relativeTime } from '../../models/moments';
import type { ProjectDetail } from '../../models/project';
import { useAttempt, usePanel } from './context';
import { Action, Failure, Reading } from './parts';

/** What happened in a project. */
export function ActivityList({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { trans } = usePanel();
  const attempt = useAttempt();
  const events = detail.part('events');
  const now = Date.now();
  return (
    <>
      <Reading resource={events} retry={() => void detail.read('events')} />
      <ol className="labyard-Events" aria-label={trans.__('Activity in %1', detail.project.display_name)}>
        {(events.value?.list ?? []).map(event => (
          <li key={event.id}>
            {event.text}{' '}
            <time dateTime={event.at} title={exactTime(event.at)}>
              {relativeTime(event.at, now)}
            </time>
          </li>
        ))}
      </ol>
      {events.value?.cursor && (
        <Action
          label={trans.__('Show more')}
          isBusy={attempt.isBusy}
          onClick={() => void attempt.run(() => detail.readMoreEvents())}
        />
      )}
      <Failure error={attempt.error} />
    </>
  );
}
