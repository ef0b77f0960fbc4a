import { caretDownIcon, caretRightIcon, folderIcon, stopIcon, usersIcon } from '@jupyterlab/ui-components';
import React, { memo, useId, useLayoutEffect } from 'react';

import type { IProject } from '../../api/projects';
import { relativeTime } from '../../models/moments';
import { may, whyNot } from '../../models/permissions';
import type { Part, ProjectDetail } from '../../models/project';
import { ActivityList } from './activity';
import { useAttempt, usePanel, useSignal } from './context';
import { Links } from './links';
import { Manage } from './manage';
import { Members } from './members';
import { Action, Avatar, Failure, Hidden, RoleBadge, Section } from './parts';
import { SharedModels, SharedTools } from './shared';

/** So many faces in a row of the list. */
const FACES = 2;

/** One project in the list. */
export const ProjectItem = memo(function ProjectItem(props: {
  project: IProject;
  isExpanded: boolean;
}): React.JSX.Element {
  const { list, trans } = usePanel();
  const id = useId();
  const { project, isExpanded } = props;
  const Caret = isExpanded ? caretDownIcon : caretRightIcon;
  const faces = (project.some_members ?? []).slice(0, FACES);
  const isArchived = project.state === 'archived';
  return (
    <li className="labyard-Project" data-project={project.name} data-archived={isArchived || undefined}>
      <h3>
        <button
          type="button"
          className="labyard-Project-head"
          aria-expanded={isExpanded}
          aria-controls={isExpanded ? id : undefined}
          title={`${project.display_name}\n${project.path}`}
          onClick={() => {
            list.expand(project, !isExpanded);
          }}
        >
          <Caret.react tag="span" className="labyard-Section-caret" />
          <span className="labyard-Project-title">{project.display_name}</span>
          <span className="labyard-Faces">
            {faces.map(name => (
              <Avatar key={name} name={name} />
            ))}
            {project.member_count > faces.length && (
              <span className="labyard-Faces-more" aria-hidden="true">
                {faces.length > 0 ? `+${project.member_count - faces.length}` : project.member_count}
              </span>
            )}
            <Hidden>{trans._n('%1 member', '%1 members', project.member_count)}</Hidden>
          </span>
          {isArchived && <span className="labyard-Badge">{trans.__('archived')}</span>}
          <RoleBadge role={project.role} />
        </button>
      </h3>
      {isExpanded && (
        <div id={id} className="labyard-Project-body">
          <ProjectBody detail={list.detail(project)} />
        </div>
      )}
    </li>
  );
});

function ProjectBody({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { trans } = usePanel();
  useSignal(detail.changed);
  const { project } = detail;
  const section = (key: string, parts: Part[]): { isOpen: boolean; onToggle: () => void } => ({
    isOpen: detail.unfolded.has(key),
    onToggle: () => {
      detail.unfold(key, !detail.unfolded.has(key), parts);
    }
  });
  const newest = detail.part('events').value?.list[0];
  return (
    <>
      {project.description && <p className="labyard-Project-description">{project.description}</p>}
      {project.state === 'archived' && <p className="labyard-Notice">{whyNot(project, 'open_server', trans)}</p>}
      <Openers detail={detail} />
      <Section
        title={trans.__('Members')}
        count={detail.part('members').value?.length ?? project.member_count}
        {...section('members', [])}
      >
        <Members detail={detail} />
      </Section>
      <Section
        title={trans.__('Links to join')}
        count={detail.part('links').value?.length}
        {...section('links', ['links'])}
      >
        <Links detail={detail} />
      </Section>
      <Section
        title={trans.__('Shared tools')}
        count={detail.part('tools').value?.length}
        {...section('tools', ['tools'])}
      >
        <SharedTools detail={detail} />
      </Section>
      <Section
        title={trans.__('Shared models')}
        count={detail.part('models').value?.length}
        {...section('models', ['models'])}
      >
        <SharedModels detail={detail} />
      </Section>
      <Section
        title={trans.__('Activity')}
        summary={newest && `${newest.text} · ${relativeTime(newest.at, Date.now())}`}
        {...section('events', [])}
      >
        <ActivityList detail={detail} />
      </Section>
      <Section title={trans.__('Settings')} {...section('settings', [])}>
        <Manage detail={detail} />
      </Section>
    </>
  );
}

/** What leads out of the panel. */
function Openers({ detail }: { detail: ProjectDetail }): React.JSX.Element {
  const { actions, trans, announce } = usePanel();
  const together = useAttempt();
  const opening = useAttempt();
  const { project } = detail;
  const server = detail.part('server').value;
  const isRunning = server !== null && server.state !== 'stopped';
  useLayoutEffect(() => {
    if (together.isBusy) {
      announce(trans.__('Opening the server of %1', project.display_name));
    }
  }, [together.isBusy, announce, project.display_name, trans]);
  return (
    <div className="labyard-Openers">
      <div className="labyard-Openers-grid">
        <Action
          label={trans.__('Files')}
          icon={folderIcon}
          title={trans.__('Show %1 in the file browser', project.path)}
          onClick={() => void opening.run(() => actions.openFiles(project))}
        />
        <Action
          label={together.isBusy ? trans.__('Opening …') : trans.__('Open together')}
          icon={usersIcon}
          title={
            may(project, 'work_in_server')
              ? trans.__('Work with the others in the project’s own server, in a new window')
              : trans.__('Look at what the others do in the project’s own server, in a new window')
          }
          reason={whyNot(project, 'open_server', trans)}
          isBusy={together.isBusy}
          onClick={() => void together.run(() => actions.openTogether(detail))}
        />
        <Action
          label="MLflow"
          icon={actions.toolIcon('mlflow')}
          title={trans.__('Runs and models of this project, in a tab')}
          reason={actions.toolReason('mlflow')}
          onClick={() => void opening.run(() => actions.openMlflow(project))}
        />
        <Action
          label="Label Studio"
          icon={actions.toolIcon('label-studio')}
          title={trans.__('The project’s own Label Studio, in a new window')}
          reason={whyNot(project, 'open_server', trans) ?? actions.toolReason('label-studio')}
          isBusy={together.isBusy}
          onClick={() => void together.run(() => actions.openLabelStudio(detail))}
        />
      </div>
      {isRunning && (
        <p className="labyard-Server">
          <span className="labyard-Server-dot" data-state={server.state} aria-hidden="true" />
          <span>{serverText(server.state, trans)}</span>
          <Action
            label={trans.__('Stop the server of %1', project.display_name)}
            icon={stopIcon}
            isIcon
            reason={whyNot(project, 'stop_server', trans)}
            isBusy={opening.isBusy}
            onClick={() =>
              void actions
                .confirm({
                  title: trans.__('Stop the server of %1?', project.display_name),
                  body: trans.__('Kernels and terminals in it end, for everybody who works there now. Files stay.'),
                  accept: trans.__('Stop')
                })
                .then(isSure => isSure && opening.run(() => detail.stopServer()))
            }
          />
        </p>
      )}
      <Failure error={together.error ?? opening.error} />
    </div>
  );
}

function serverText(
  state: 'starting' | 'running' | 'stopping' | 'stopped',
  trans: ReturnType<typeof usePanel>['trans']
): string {
  switch (state) {
    case 'starting':
      return trans.__('Its server is starting');
    case 'running':
      return trans.__('Its server is running');
    case 'stopping':
      return trans.__('Its server is stopping');
    case 'stopped':
      return trans.__('Its server is stopped');
  }
}
