import { closeIcon, copyIcon } from '@jupyterlab/ui-components';
import React, { useState } from 'react';

import type { ILink, Role } from '../../api/projects';
import { exactTime, relativeTime } from '../../models/moments';
import { roleName, whyNot } from '../../models/permissions';
import type { ProjectDetail } from '../../models/project';
import { useAttempt, usePanel } from './context';
import { Action, Failure, Reading, RoleSelect, Select } from './parts';

/** Links by which people join. */
export function Links({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { trans } = usePanel();
  const links = detail.part('links');
  const reason = whyNot(detail.project, 'manage_links', trans);
  return (
    <>
      {reason === null && <Reading resource={links} retry={() => void detail.read('links')} />}
      {reason === null && links.value?.length === 0 && (
        <p className="labyard-Hint">
          {trans.__('Anyone who opens a link joins under their own name. Pass it on only to people who should join.')}
        </p>
      )}
      <ul className="labyard-Rows" aria-label={trans.__('Links to join %1', detail.project.display_name)}>
        {(links.value ?? []).map(link => (
          <LinkRow key={link.id} detail={detail} link={link} />
        ))}
      </ul>
      {reason !== null && <p className="labyard-Hint">{reason}</p>}
      <MakeLink detail={detail} reason={reason} />
    </>
  );
}

function LinkRow({ detail, link }: { detail: ProjectDetail; link: ILink }): React.JSX.Element {
  const { actions, trans, announce } = usePanel();
  const attempt = useAttempt();
  const role = roleName(link.role, trans);
  const isOver = Date.parse(link.expires_at) <= Date.now();
  const end = relativeTime(link.expires_at, Date.now());
  const uses = trans._n('used once', 'used %1 times', link.uses);
  return (
    <li className="labyard-Row">
      <div className="labyard-Row-line">
        <span className="labyard-Row-text labyard-mod-two-lines">
          {trans.__('Joins as %1', role)}
          <span className="labyard-Row-aside" title={exactTime(link.expires_at)}>
            {isOver ? trans.__('ended %1', end) : trans.__('ends %1', end)}
            {link.uses > 0 && ` · ${uses}`}
          </span>
        </span>
        <Action
          label={trans.__('Copy the link that joins as %1', role)}
          icon={copyIcon}
          isIcon
          onClick={() => {
            actions.copyAddress(link.url);
            announce(trans.__('Copied'));
          }}
        />
        <Action
          label={trans.__('Revoke the link that joins as %1', role)}
          icon={closeIcon}
          isIcon
          isBusy={attempt.isBusy}
          onClick={() =>
            void attempt.run(async () => {
              await detail.revokeLink(link.id);
              announce(trans.__('The link was revoked'));
            })
          }
        />
      </div>
      <Failure error={attempt.error} />
    </li>
  );
}

const DAY = 86400;

function MakeLink({ detail, reason }: { detail: ProjectDetail; reason: string | null }): React.JSX.Element {
  const { trans, announce } = usePanel();
  const attempt = useAttempt();
  const [role, setRole] = useState<Role>('viewer');
  const [seconds, setSeconds] = useState(String(7 * DAY));
  const make = (): Promise<boolean> =>
    attempt.run(async () => {
      await detail.createLink({ role, expires_in_seconds: Number(seconds) });
      announce(trans.__('The link was made'));
    });
  return (
    <div className="labyard-Add">
      <div className="labyard-Row-line">
        {reason === null && (
          <>
            <RoleSelect
              label={trans.__('Role that the link gives')}
              value={role}
              onChange={setRole}
              withOwner={false}
            />
            <Select
              label={trans.__('How long the link works')}
              value={seconds}
              onChange={setSeconds}
              options={[
                { value: String(3600), label: trans.__('1 hour') },
                { value: String(DAY), label: trans.__('1 day') },
                { value: String(7 * DAY), label: trans.__('7 days') },
                { value: String(30 * DAY), label: trans.__('30 days') }
              ]}
            />
          </>
        )}
        <Action label={trans.__('Make link')} reason={reason} isBusy={attempt.isBusy} onClick={() => void make()} />
      </div>
      <Failure error={attempt.error} />
    </div>
  );
}
