import React, { useId, useState } from 'react';

import { fieldAtFault } from '../../models/failures';
import { whyNot } from '../../models/permissions';
import type { ProjectDetail } from '../../models/project';
import { useAttempt, usePanel } from './context';
import { Action, Failure, Field, Select } from './parts';

/** What is done with a project as a whole. */
export function Manage({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  return (
    <>
      <Describe key={detail.project.updated_at} detail={detail} />
      <Transfer detail={detail} />
      <Endings detail={detail} />
    </>
  );
}

function Describe({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { trans, announce } = usePanel();
  const attempt = useAttempt();
  const { project } = detail;
  const [name, setName] = useState(project.display_name);
  const [description, setDescription] = useState(project.description);
  const [isMissing, setMissing] = useState(false);
  const reason = whyNot(project, 'change', trans);
  const field =
    attempt.error === null ? null : (fieldAtFault(attempt.error, ['display_name', 'description']) ?? 'display_name');
  const isChanged = name !== project.display_name || description !== project.description;
  const save = async (): Promise<void> => {
    setMissing(name.trim() === '');
    if (name.trim() === '' || !isChanged) {
      return;
    }
    if (await attempt.run(() => detail.update({ display_name: name.trim(), description: description.trim() }))) {
      announce(trans.__('Saved'));
    }
  };
  return (
    <form
      className="labyard-Form"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        if (reason === null) {
          void save();
        }
      }}
    >
      <Field
        label={trans.__('Display name')}
        error={
          isMissing ? trans.__('A project needs a display name.') : field === 'display_name' ? attempt.error : null
        }
      >
        {attributes => (
          <input
            {...attributes}
            type="text"
            maxLength={100}
            autoComplete="off"
            readOnly={reason !== null}
            aria-disabled={reason !== null || undefined}
            title={reason ?? undefined}
            value={name}
            onChange={event => {
              setName(event.currentTarget.value);
              setMissing(false);
            }}
          />
        )}
      </Field>
      <Field label={trans.__('Description')} error={field === 'description' ? attempt.error : null}>
        {attributes => (
          <textarea
            {...attributes}
            rows={3}
            maxLength={2000}
            readOnly={reason !== null}
            aria-disabled={reason !== null || undefined}
            title={reason ?? undefined}
            value={description}
            onChange={event => {
              setDescription(event.currentTarget.value);
            }}
          />
        )}
      </Field>
      <div className="labyard-Form-buttons">
        <Action
          label={trans.__('Save')}
          isSubmit
          reason={reason ?? (isChanged ? null : trans.__('Nothing was changed.'))}
          isBusy={attempt.isBusy}
          onClick={() => undefined}
        />
      </div>
    </form>
  );
}

function Transfer({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { actions, trans, user, announce } = usePanel();
  const attempt = useAttempt();
  const { project } = detail;
  const others = (detail.part('members').value ?? []).filter(member => member.user !== user);
  const id = useId();
  const [chosen, setChosen] = useState('');
  const target = others.some(member => member.user === chosen) ? chosen : (others[0]?.user ?? '');
  const reason =
    whyNot(project, 'transfer', trans) ??
    (target === '' ? trans.__('There is nobody else in this project yet.') : null);
  const transfer = async (): Promise<void> => {
    const isSure = await actions.confirm({
      title: trans.__('Hand %1 over to %2?', project.display_name, target),
      body: trans.__(
        '%1 becomes an owner in your place, and you stay as an editor. Only an owner can change that again.',
        target
      ),
      accept: trans.__('Hand over')
    });
    if (isSure && (await attempt.run(() => detail.transfer(target)))) {
      announce(trans.__('%1 is an owner now', target));
    }
  };
  return (
    <div className="labyard-Field labyard-HandOver" role="group" aria-labelledby={id}>
      <span id={id} className="labyard-Field-name">
        {trans.__('Hand over to')}
      </span>
      <div className="labyard-Row-line">
        <Select
          label={trans.__('Who shall own it')}
          value={target}
          onChange={setChosen}
          reason={reason}
          options={
            others.length > 0
              ? others.map(member => ({ value: member.user, label: member.user }))
              : [{ value: '', label: trans.__('nobody') }]
          }
        />
        <Action
          label={trans.__('Hand over …')}
          reason={reason}
          isBusy={attempt.isBusy}
          onClick={() => void transfer()}
        />
      </div>
      <Failure error={attempt.error} />
    </div>
  );
}

function Endings({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { actions, trans, user, announce } = usePanel();
  const attempt = useAttempt();
  const [isDeleting, setDeleting] = useState(false);
  const { project } = detail;
  const title = project.display_name;
  const isArchived = project.state === 'archived';

  const archive = async (): Promise<void> => {
    const isSure = await actions.confirm({
      title: trans.__('Archive %1?', title),
      body: trans.__(
        'Everybody in it can still read files, runs and models. Nobody can change them or open its server until an owner restores it.'
      ),
      accept: trans.__('Archive')
    });
    if (isSure && (await attempt.run(() => detail.archive()))) {
      announce(trans.__('%1 is archived', title));
    }
  };
  const restore = async (): Promise<void> => {
    if (await attempt.run(() => detail.restore())) {
      announce(trans.__('%1 is restored', title));
    }
  };
  const leave = async (): Promise<void> => {
    const isSure = await actions.confirm({
      title: trans.__('Leave %1?', title),
      body: trans.__(
        'You lose the files in %1 and the project’s runs, models, labelled data and server. What you made stays there. An owner can add you again.',
        project.path
      ),
      accept: trans.__('Leave')
    });
    if (isSure && (await attempt.run(() => detail.leave(user)))) {
      announce(trans.__('You have left %1', title));
    }
  };
  return (
    <>
      <div className="labyard-Form-buttons">
        {isArchived ? (
          <Action
            label={trans.__('Restore')}
            reason={whyNot(project, 'archive', trans)}
            isBusy={attempt.isBusy}
            onClick={() => void restore()}
          />
        ) : (
          <Action
            label={trans.__('Archive …')}
            reason={whyNot(project, 'archive', trans)}
            isBusy={attempt.isBusy}
            onClick={() => void archive()}
          />
        )}
        <Action label={trans.__('Leave …')} isBusy={attempt.isBusy} onClick={() => void leave()} />
        <Action
          label={trans.__('Delete …')}
          kind="danger"
          reason={whyNot(project, 'delete', trans)}
          isBusy={attempt.isBusy}
          onClick={() => {
            setDeleting(true);
          }}
        />
      </div>
      <Failure error={attempt.error} />
      {isDeleting && (
        <Delete
          detail={detail}
          close={() => {
            setDeleting(false);
          }}
        />
      )}
    </>
  );
}

function Delete({ detail, close }: { detail: ProjectDetail; close: () => void }): React.JSX.Element {
  const { trans, announce } = usePanel();
  const attempt = useAttempt();
  const [typed, setTyped] = useState('');
  const [isWrong, setWrong] = useState(false);
  const { name } = detail.project;
  const remove = async (): Promise<void> => {
    setWrong(typed.trim() !== name);
    if (typed.trim() === name && (await attempt.run(() => detail.remove()))) {
      announce(trans.__('%1 was deleted', name));
    }
  };
  return (
    <form
      className="labyard-Form labyard-mod-danger"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        void remove();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          close();
        }
      }}
    >
      <Field
        label={trans.__('Type %1 to delete it', name)}
        hint={trans.__(
          'Everybody loses it at once. The files go to the trash, from where an administrator can bring them back for a while.'
        )}
        error={isWrong ? trans.__('This is not its name: %1', name) : attempt.error}
      >
        {attributes => (
          <input
            {...attributes}
            autoFocus
            type="text"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={typed}
            onChange={event => {
              setTyped(event.currentTarget.value);
              setWrong(false);
            }}
          />
        )}
      </Field>
      <div className="labyard-Form-buttons">
        <Action
          label={trans.__('Delete for everybody')}
          kind="danger"
          isSubmit
          isBusy={attempt.isBusy}
          onClick={() => undefined}
        />
        <Action label={trans.__('Cancel')} onClick={close} />
      </div>
    </form>
  );
}
