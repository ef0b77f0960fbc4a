import { closeIcon, copyIcon, launchIcon } from '@jupyterlab/ui-components';
import React, { useId, useState } from 'react';

import type { IModelShare, IToolShare } from '../../api/projects';
import { fieldAtFault } from '../../models/failures';
import { whyNot } from '../../models/permissions';
import type { ProjectDetail } from '../../models/project';
import { useAttempt, usePanel } from './context';
import { Action, Failure, Field, Reading, Select } from './parts';

/** Running tools that members share. */
export function SharedTools({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { trans } = usePanel();
  const tools = detail.part('tools');
  return (
    <>
      <Reading resource={tools} retry={() => void detail.read('tools')} />
      {tools.value?.length === 0 && (
        <p className="labyard-Hint">
          {trans.__(
            'Nothing is shared now. Open a tool, such as TensorBoard, and choose “Share with project” above it.'
          )}
        </p>
      )}
      <ul className="labyard-Rows" aria-label={trans.__('Tools shared with %1', detail.project.display_name)}>
        {(tools.value ?? []).map(tool => (
          <ToolRow key={tool.id} detail={detail} tool={tool} />
        ))}
      </ul>
    </>
  );
}

function ToolRow({ detail, tool }: { detail: ProjectDetail; tool: IToolShare }): React.JSX.Element {
  const { actions, trans, user, announce } = usePanel();
  const attempt = useAttempt();
  const isOwn = tool.owner === user;
  const mayEnd = isOwn || detail.project.role === 'owner';
  return (
    <li className="labyard-Row">
      <div className="labyard-Row-line">
        <span className="labyard-Row-text labyard-mod-two-lines">
          {tool.title}
          <span className="labyard-Row-aside">
            {isOwn ? trans.__('in your server') : trans.__('in %1’s server', tool.owner)}
          </span>
        </span>
        <Action
          label={trans.__('Open %1', tool.title)}
          icon={launchIcon}
          isIcon
          reason={whyNot(detail.project, 'open_shared_tool', trans)}
          onClick={() => {
            actions.openAddress(tool.url);
          }}
        />
        <Action
          label={trans.__('Copy the link to %1', tool.title)}
          icon={copyIcon}
          isIcon
          onClick={() => {
            actions.copyAddress(tool.url);
            announce(trans.__('Copied'));
          }}
        />
        <Action
          label={trans.__('Stop sharing %1', tool.title)}
          icon={closeIcon}
          isIcon
          reason={mayEnd ? null : trans.__('Only %1 and the owners can stop sharing this.', tool.owner)}
          isBusy={attempt.isBusy}
          onClick={() =>
            void attempt.run(async () => {
              await detail.unshareTool(tool.id);
              announce(trans.__('%1 is not shared any more', tool.title));
            })
          }
        />
      </div>
      <Failure error={attempt.error} />
    </li>
  );
}

/** Registered models that the project shares. */
export function SharedModels({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { trans } = usePanel();
  const models = detail.part('models');
  const reason = whyNot(detail.project, 'share_model', trans);
  return (
    <>
      <Reading resource={models} retry={() => void detail.read('models')} />
      {models.value?.length === 0 && (
        <p className="labyard-Hint">
          {trans.__('No model is shared. People you share a model with can load it but not change it.')}
        </p>
      )}
      <ul className="labyard-Rows" aria-label={trans.__('Models shared by %1', detail.project.display_name)}>
        {(models.value ?? []).map(model => (
          <ModelRow key={model.id} detail={detail} model={model} reason={reason} />
        ))}
      </ul>
      <ShareModel detail={detail} reason={reason} />
    </>
  );
}

function ModelRow(props: { detail: ProjectDetail; model: IModelShare; reason: string | null }): React.JSX.Element {
  const { trans, announce } = usePanel();
  const attempt = useAttempt();
  const { model } = props;
  const target = model.project !== null ? trans.__('project %1', model.project) : (model.user ?? '');
  return (
    <li className="labyard-Row">
      <div className="labyard-Row-line">
        <span className="labyard-Row-text labyard-mod-two-lines">
          {model.model}
          <span className="labyard-Row-aside">{trans.__('with %1', target)}</span>
        </span>
        <CopyModel model={model} />
        <Action
          label={trans.__('Stop sharing %1 with %2', model.model, target)}
          icon={closeIcon}
          isIcon
          reason={props.reason}
          isBusy={attempt.isBusy}
          onClick={() =>
            void attempt.run(async () => {
              await props.detail.unshareModel(model.id);
              announce(trans.__('%1 is not shared any more', model.model));
            })
          }
        />
      </div>
      <Failure error={attempt.error} />
    </li>
  );
}

/** Takes what loads a model into the clipboard. */
export function CopyModel({ model }: { model: IModelShare }): React.JSX.Element {
  const { actions, trans, announce } = usePanel();
  return (
    <Action
      label={trans.__('Copy the address of %1', model.model)}
      title={trans.__('Copy %1, to be loaded with /VERSION or @ALIAS behind it', model.uri)}
      icon={copyIcon}
      isIcon
      onClick={() => {
        actions.copyText(model.uri);
        announce(trans.__('Copied'));
      }}
    />
  );
}

function ShareModel({ detail, reason }: { detail: ProjectDetail; reason: string | null }): React.JSX.Element {
  const { list, trans, announce } = usePanel();
  const attempt = useAttempt();
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const [model, setModel] = useState('');
  const [kind, setKind] = useState<'project' | 'user'>('project');
  const [target, setTarget] = useState('');
  const [known, setKnown] = useState<string[]>([]);
  const [missing, setMissing] = useState<'model' | 'target' | null>(null);
  const field = attempt.error === null ? null : fieldAtFault(attempt.error, ['model', 'project', 'user']);
  const errorOf = (name: 'model' | 'target'): unknown => {
    if (missing === name) {
      return name === 'model'
        ? trans.__('Type the name of a registered model.')
        : trans.__('Say whom to share it with.');
    }
    return attempt.error !== null && (field === 'model') === (name === 'model') ? attempt.error : null;
  };

  if (!isOpen) {
    return (
      <Action
        label={trans.__('Share a model …')}
        reason={reason}
        onClick={() => {
          setOpen(true);
          void detail.registeredModels().then(setKnown);
        }}
      />
    );
  }
  const share = async (): Promise<void> => {
    const names = { model: model.trim(), target: target.trim() };
    const lacking = names.model === '' ? 'model' : names.target === '' ? 'target' : null;
    setMissing(lacking);
    if (
      lacking === null &&
      (await attempt.run(() => detail.shareModel({ model: names.model, [kind]: names.target })))
    ) {
      announce(trans.__('%1 is shared with %2', names.model, names.target));
      setModel('');
      setTarget('');
      setOpen(false);
    }
  };
  return (
    <form
      className="labyard-Form"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        void share();
      }}
    >
      <Field label={trans.__('Registered model')} error={errorOf('model')}>
        {attributes => (
          <input
            {...attributes}
            autoFocus
            type="text"
            autoComplete="off"
            list={`${id}-models`}
            value={model}
            onChange={event => {
              setModel(event.currentTarget.value);
              setMissing(null);
            }}
          />
        )}
      </Field>
      <datalist id={`${id}-models`}>
        {known.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <Field label={trans.__('Share it with')} error={errorOf('target')}>
        {attributes => (
          <div className="labyard-Row-line">
            <Select
              label={trans.__('Kind of whom to share it with')}
              value={kind}
              onChange={setKind}
              options={[
                { value: 'project', label: trans.__('project') },
                { value: 'user', label: trans.__('person') }
              ]}
            />
            <input
              {...attributes}
              type="text"
              autoComplete="off"
              list={kind === 'project' ? `${id}-projects` : undefined}
              value={target}
              onChange={event => {
                setTarget(event.currentTarget.value);
                setMissing(null);
              }}
            />
            <datalist id={`${id}-projects`}>
              {list.projects
                .filter(one => one.id !== detail.project.id)
                .map(one => (
                  <option key={one.id} value={one.name} />
                ))}
            </datalist>
          </div>
        )}
      </Field>
      <div className="labyard-Form-buttons">
        <Action label={trans.__('Share')} kind="main" isSubmit isBusy={attempt.isBusy} onClick={() => undefined} />
        <Action
          label={trans.__('Cancel')}
          onClick={() => {
            setOpen(false);
            attempt.clear();
          }}
        />
      </div>
    </form>
  );
}
