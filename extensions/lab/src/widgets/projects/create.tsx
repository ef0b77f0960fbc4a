import React, { useState } from 'react';

import type { IProject } from '../../api/projects';
import { fieldAtFault } from '../../models/failures';
import { suggestName } from '../../models/names';
import { useAttempt, usePanel } from './context';
import { Action, Field } from './parts';

const FIELDS = ['name', 'display_name', 'description'] as const;

/** The form for a new project. */
export function CreateForm(props: { close: () => void; created: (project: IProject) => void }): React.JSX.Element {
  const { list, trans, announce } = usePanel();
  const attempt = useAttempt();
  const [displayName, setDisplayName] = useState('');
  const [name, setName] = useState('');
  const [isOwnName, setOwnName] = useState(false);
  const [description, setDescription] = useState('');
  const [isMissing, setMissing] = useState(false);
  const shownName = isOwnName ? name : suggestName(displayName);
  // What nobody in particular is to blame for stands at the name, which is what the service looks at first.
  const field = attempt.error === null ? null : (fieldAtFault(attempt.error, FIELDS) ?? 'name');

  const create = async (): Promise<void> => {
    setMissing(shownName === '');
    if (shownName === '') {
      return;
    }
    await attempt.run(async () => {
      const project = await list.create({
        name: shownName,
        display_name: displayName.trim() || null,
        description: description.trim()
      });
      announce(trans.__('%1 was created', project.display_name));
      props.created(project);
    });
  };
  return (
    <form
      className="labyard-Form labyard-Create"
      aria-label={trans.__('New project')}
      noValidate
      onSubmit={event => {
        event.preventDefault();
        void create();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.close();
        }
      }}
    >
      <Field label={trans.__('Display name')} error={field === 'display_name' ? attempt.error : null}>
        {attributes => (
          <input
            {...attributes}
            autoFocus
            type="text"
            maxLength={100}
            autoComplete="off"
            value={displayName}
            onChange={event => {
              setDisplayName(event.currentTarget.value);
              setMissing(false);
            }}
          />
        )}
      </Field>
      <Field
        label={trans.__('Name')}
        hint={
          shownName
            ? trans.__('Its folder will be projects/%1. The name cannot be changed later.', shownName)
            : trans.__(
                'Lower-case letters, digits and hyphens; also the name of its folder. It cannot be changed later.'
              )
        }
        error={isMissing ? trans.__('A project needs a name.') : field === 'name' ? attempt.error : null}
      >
        {attributes => (
          <input
            {...attributes}
            type="text"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={shownName}
            onChange={event => {
              setOwnName(event.currentTarget.value !== '');
              setName(event.currentTarget.value);
              setMissing(false);
              attempt.clear();
            }}
          />
        )}
      </Field>
      <Field label={trans.__('Description')} error={field === 'description' ? attempt.error : null}>
        {attributes => (
          <textarea
            {...attributes}
            rows={2}
            maxLength={2000}
            value={description}
            onChange={event => {
              setDescription(event.currentTarget.value);
            }}
          />
        )}
      </Field>
      <div className="labyard-Form-buttons">
        <Action label={trans.__('Create')} kind="main" isSubmit isBusy={attempt.isBusy} onClick={() => undefined} />
        <Action label={trans.__('Cancel')} onClick={props.close} />
      </div>
    </form>
  );
}
