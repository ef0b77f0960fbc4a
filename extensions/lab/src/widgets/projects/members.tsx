import { closeIcon } from '@jupyterlab/ui-components';
import React, { useId, useState } from 'react';

import type { IMember, Role } from '../../api/projects';
import { roleName, whyNot, worksInServer } from '../../models/permissions';
import type { ProjectDetail } from '../../models/project';
import { PersonField } from './combobox';
import { useAttempt, usePanel } from './context';
import { Action, Avatar, Failure, Reading, RoleSelect } from './parts';

/** A long list begins with this many; the others are one click away. */
const SHORT = 12;
/** More than this many can be filtered. */
const MANY = 20;

/** Who is in a project. */
export function Members({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { trans } = usePanel();
  const [isWhole, setWhole] = useState(false);
  const [wanted, setWanted] = useState('');
  const members = detail.part('members');
  const all = members.value ?? [];
  const fitting = all.filter(member => member.user.includes(wanted.trim().toLowerCase()));
  const shown = isWhole || fitting.length <= SHORT + 1 ? fitting : fitting.slice(0, SHORT);
  return (
    <>
      {all.length > MANY && (
        <div className="labyard-Filter">
          <input
            type="search"
            aria-label={trans.__('Filter members')}
            placeholder={trans.__('Filter %1 members …', all.length)}
            value={wanted}
            onChange={event => {
              setWanted(event.currentTarget.value);
            }}
          />
        </div>
      )}
      {fitting.length === 0 && all.length > 0 && (
        <p className="labyard-Hint" role="status">
          {trans.__('No member has “%1” in their name.', wanted.trim())}
        </p>
      )}
      <ul className="labyard-Rows" aria-label={trans.__('Members of %1', detail.project.display_name)}>
        {shown.map(member => (
          <MemberRow key={member.user} detail={detail} member={member} />
        ))}
      </ul>
      {shown.length < fitting.length && (
        <Action
          label={trans.__('Show all %1 members', fitting.length)}
          onClick={() => {
            setWhole(true);
          }}
        />
      )}
      <Reading resource={members} retry={() => void detail.read('members')} />
      <AddMember detail={detail} />
    </>
  );
}

function MemberRow({ detail, member }: { detail: ProjectDetail; member: IMember }): React.JSX.Element {
  const { actions, trans, user, announce } = usePanel();
  const attempt = useAttempt();
  // What was chosen is shown at once; the service's word follows.
  const [chosen, setChosen] = useState<Role | null>(null);
  const { project } = detail;
  const reason = whyNot(project, 'manage_members', trans);
  const isSelf = member.user === user;
  // The service stops it, since a program that they have started there would keep their rights.
  const serverEnds =
    worksInServer(member.role) && !['stopped', undefined].includes(detail.part('server').value?.state)
      ? trans.__(
          'The project’s server stops: kernels and terminals in it end, for everybody who works there now. Files stay.'
        )
      : '';

  const setRole = async (role: Role): Promise<void> => {
    if (isSelf && role !== 'owner' && member.role === 'owner' && !(await confirmStepDown(role))) {
      return;
    }
    if (!isSelf && serverEnds && !worksInServer(role) && !(await confirmDemotion(role))) {
      return;
    }
    setChosen(role);
    if (await attempt.run(() => detail.setRole(member.user, role))) {
      announce(trans.__('%1 is now %2', member.user, role));
    }
    setChosen(null);
  };
  const confirmStepDown = (role: Role): Promise<boolean> =>
    actions.confirm({
      title: trans.__('Give up being an owner?'),
      body: trans
        .__(
          'As %1 you can no longer manage %2. Only another owner can make you one again. %3',
          role,
          project.display_name,
          worksInServer(role) ? '' : serverEnds
        )
        .trim(),
      accept: trans.__('Change my role')
    });
  const confirmDemotion = (role: Role): Promise<boolean> =>
    actions.confirm({
      title: trans.__('Make %1 a %2 in %3?', member.user, roleName(role, trans), project.display_name),
      body: serverEnds,
      accept: trans.__('Change the role')
    });
  const remove = async (): Promise<void> => {
    const isSure = await actions.confirm({
      title: trans.__('Remove %1 from %2?', member.user, project.display_name),
      body: trans
        .__(
          '%1 loses the files in %2 and the project’s runs, models, labelled data and server, within seconds, also where they are at work now. What %1 made stays in the project. %3',
          member.user,
          project.path,
          serverEnds
        )
        .trim(),
      accept: trans.__('Remove')
    });
    if (isSure && (await attempt.run(() => detail.removeMember(member.user)))) {
      announce(trans.__('%1 was removed', member.user));
    }
  };
  return (
    <li className="labyard-Row">
      <div className="labyard-Row-line labyard-Member">
        <Avatar name={member.user} />
        <span className="labyard-Row-text" title={trans.__('%1, added by %2', member.user, member.added_by)}>
          {member.user}
          {isSelf && <span className="labyard-Row-aside"> {trans.__('(you)')}</span>}
        </span>
        <RoleSelect
          label={trans.__('Role of %1', member.user)}
          value={chosen ?? member.role}
          onChange={role => void setRole(role)}
          reason={reason}
          isBusy={attempt.isBusy}
        />
        {isSelf ? (
          <span className="labyard-Row-gap" />
        ) : (
          <Action
            label={trans.__('Remove %1', member.user)}
            icon={closeIcon}
            isIcon
            reason={reason}
            isBusy={attempt.isBusy}
            onClick={() => void remove()}
          />
        )}
      </div>
      <Failure error={attempt.error} />
    </li>
  );
}

function AddMember({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { trans, announce } = usePanel();
  const attempt = useAttempt();
  const id = useId();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('editor');
  const [isMissing, setMissing] = useState(false);
  const reason = whyNot(detail.project, 'manage_members', trans);
  const error = isMissing ? trans.__('Type the name of the person to add.') : attempt.error;

  const add = async (): Promise<void> => {
    const user = name.trim();
    setMissing(user === '');
    if (user !== '' && (await attempt.run(() => detail.addMember(user, role)))) {
      setName('');
      announce(trans.__('%1 was added as %2', user, role));
    }
  };
  return (
    <form
      className="labyard-Add"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        if (reason === null) {
          void add();
        }
      }}
    >
      <div className="labyard-Row-line">
        <PersonField
          label={trans.__('Add a person')}
          placeholder={trans.__('Add a person …')}
          value={name}
          onChange={value => {
            setName(value);
            setMissing(false);
            attempt.clear();
          }}
          complete={text => detail.candidates(text)}
          error={error !== null}
          errorId={id}
          reason={reason}
        />
        {reason === null && <RoleSelect label={trans.__('Role of the new member')} value={role} onChange={setRole} />}
        {(name !== '' || isMissing || reason !== null) && (
          <Action label={trans.__('Add')} isSubmit reason={reason} isBusy={attempt.isBusy} onClick={() => undefined} />
        )}
      </div>
      <Failure error={error} id={id} />
    </form>
  );
}
