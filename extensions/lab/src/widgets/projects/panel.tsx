import type { TranslationBundle } from '@jupyterlab/translation';
import { addIcon, caretDownIcon, caretRightIcon, ReactWidget, refreshIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import React, { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'react';

import type { IPlatformApi } from '../../api/platform';
import type { IModelShare, IProject } from '../../api/projects';
import { projectsIcon } from '../../icons';
import { sentence } from '../../models/failures';
import type { ProjectList } from '../../models/projects';
import { UNREAD, type IResource } from '../../models/resource';
import { PanelContext, usePanel, useSignal, type IPanelContext, type IProjectActions } from './context';
import { CreateForm } from './create';
import { FocusKeeper } from './focus';
import { Action, Failure, Reading } from './parts';
import { ProjectItem } from './project';
import { CopyModel } from './shared';

/** What the panel is made of. */
export interface IProjectsPanelOptions {
  list: ProjectList;
  api: IPlatformApi;
  actions: IProjectActions;
  user: string;
  trans: TranslationBundle;
}

/**
 * The panel "Projects" of the left sidebar.
 *
 * It reads nothing while it is hidden.
 */
export class ProjectsPanel extends ReactWidget {
  constructor(private readonly _options: IProjectsPanelOptions) {
    super();
    const { trans } = _options;
    this.id = 'labyard-projects';
    this.addClass('labyard-ProjectsPanel');
    this.title.icon = projectsIcon;
    this.title.caption = trans.__('Projects');
    this.node.tabIndex = -1; // it has the keyboard until there is a filter to have it
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Projects'));
    this._focus = new FocusKeeper(this.node);
    window.addEventListener('focus', this._onWindowFocus);
  }

  override dispose(): void {
    window.removeEventListener('focus', this._onWindowFocus);
    this._focus.dispose();
    Signal.clearData(this);
    super.dispose();
  }

  /** Show the form for a new project. */
  startCreating(): void {
    this._creating.emit(true);
  }

  protected override render(): React.JSX.Element {
    return <Panel {...this._options} creating={this._creating} filterShown={this._takeKeyboard} />;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._options.list.isActive = true;
  }

  protected override onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this._options.list.isActive = false;
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._options.list.isActive = this.isVisible;
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    (this.node.querySelector<HTMLElement>('input[type=search]') ?? this.node).focus();
  }

  /** The list came after the panel: the filter gets the keyboard, if it is still here. */
  private readonly _takeKeyboard = (filter: HTMLInputElement | null): void => {
    if (filter && document.activeElement === this.node) {
      filter.focus();
    }
  };

  private readonly _onWindowFocus = (): void => {
    this._options.list.refreshIfOld();
  };

  private readonly _creating = new Signal<this, boolean>(this);
  private readonly _focus: FocusKeeper;
}

function Panel(
  props: IProjectsPanelOptions & {
    creating: Signal<ProjectsPanel, boolean>;
    filterShown: (filter: HTMLInputElement | null) => void;
  }
): React.JSX.Element {
  const { list, actions, trans, user, creating } = props;
  const [isCreating, setCreating] = useState(false);
  const [spoken, setSpoken] = useState('');
  const [wanted, setWanted] = useState('');
  const opener = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  useSignal(list.changed);
  useEffect(() => {
    const slot = (_: unknown, value: boolean): void => {
      setCreating(value);
    };
    creating.connect(slot);
    return () => {
      creating.disconnect(slot);
    };
  }, [creating]);
  const context = useMemo<IPanelContext>(
    () => ({
      list,
      actions,
      trans,
      user,
      // The same text a second time would be no change, and so not be read out.
      announce: text => {
        setSpoken(last => (last === text ? `${text}\u00a0` : text));
      }
    }),
    [list, actions, trans, user]
  );
  const closeForm = (): void => {
    setCreating(false);
    opener.current?.querySelector('button')?.focus();
  };
  const created = (project: IProject): void => {
    setCreating(false);
    setWanted(project.name);
  };
  // A new project gets the keyboard in the very moment in which it is drawn.
  useLayoutEffect(() => {
    const head = scroller.current?.querySelector<HTMLElement>(`[data-project="${wanted}"] .labyard-Project-head`);
    if (head) {
      head.focus();
      setWanted('');
    }
  });
  return (
    <PanelContext.Provider value={context}>
      <div className="labyard-ProjectsPanel-head">
        <h2>{trans.__('Projects')}</h2>
        <div ref={opener} className="labyard-ProjectsPanel-tools">
          <Action
            label={trans.__('New project')}
            icon={addIcon}
            isIcon
            onClick={() => {
              setCreating(true);
            }}
          />
          <Action label={trans.__('Refresh projects')} icon={refreshIcon} isIcon onClick={() => void list.refresh()} />
        </div>
      </div>
      <div ref={scroller} className="labyard-ProjectsPanel-scroll">
        {isCreating && <CreateForm close={closeForm} created={created} />}
        {(list.projects.length > 0 || list.withArchived) && <Filter shown={props.filterShown} />}
        <Trouble />
        <List
          scroller={scroller}
          startCreating={() => {
            setCreating(true);
          }}
          isCreating={isCreating}
        />
        {list.phase === 'ready' && <Received api={props.api} />}
      </div>
      <p className="labyard-mod-unseen" role="status">
        {spoken}
      </p>
    </PanelContext.Provider>
  );
}

function Filter(props: { shown: (filter: HTMLInputElement | null) => void }): React.JSX.Element {
  const { list, trans } = usePanel();
  const id = useId();
  return (
    <div className="labyard-Filter">
      <input
        ref={props.shown}
        type="search"
        aria-label={trans.__('Filter projects')}
        placeholder={trans.__('Filter …')}
        value={list.filter}
        onChange={event => {
          list.filter = event.currentTarget.value;
        }}
      />
      <span className="labyard-Filter-archived">
        <input
          id={id}
          type="checkbox"
          checked={list.withArchived}
          onChange={event => {
            list.withArchived = event.currentTarget.checked;
          }}
        />
        <label htmlFor={id}>{trans.__('Archived too')}</label>
      </span>
    </div>
  );
}

/** What is wrong with the whole list. */
function Trouble(): React.JSX.Element | null {
  const { list, trans } = usePanel();
  if (list.error === null) {
    return null;
  }
  return (
    <div className="labyard-Trouble">
      <Failure error={list.error} />
      {list.phase === 'ready' && (
        <p className="labyard-Hint">{trans.__('What you see may be old. It is tried again by itself.')}</p>
      )}
      <Action label={trans.__('Try again')} onClick={() => void list.refresh()} />
    </div>
  );
}

function List(props: {
  scroller: React.RefObject<HTMLDivElement>;
  startCreating: () => void;
  isCreating: boolean;
}): React.JSX.Element | null {
  const { list, trans } = usePanel();
  const end = useRef<HTMLLIElement>(null);
  const hasMore = list.hasMore && list.filter.trim() === '';
  useEffect(() => {
    const node = end.current;
    if (!hasMore || !node) {
      return undefined;
    }
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) {
          void list.readMore();
        }
      },
      { root: props.scroller.current, rootMargin: '200px' }
    );
    observer.observe(node);
    return () => {
      observer.disconnect();
    };
    // Again after each page: an end that stays in sight tells nothing by itself.
  }, [hasMore, list, list.projects.length, props.scroller]);

  if (list.phase === 'loading') {
    return <p className="labyard-Hint labyard-mod-padded">{trans.__('Loading projects …')}</p>;
  }
  if (list.phase === 'failed') {
    return null;
  }
  if (list.projects.length === 0) {
    return props.isCreating ? null : <Nothing startCreating={props.startCreating} />;
  }
  const { shown } = list;
  return (
    <>
      {shown.length === 0 && (
        <p className="labyard-Hint labyard-mod-padded" role="status">
          {list.isLoadingMore
            ? trans.__('Searching …')
            : trans.__('No project of yours matches “%1”.', list.filter.trim())}
        </p>
      )}
      <ul className="labyard-List" aria-label={trans.__('Your projects')} onKeyDown={walk}>
        {shown.map(project => (
          <ProjectItem key={project.id} project={project} isExpanded={list.isExpanded(project)} />
        ))}
        {hasMore && (
          <li ref={end} className="labyard-List-more">
            <Action
              label={trans.__('Show more projects')}
              isBusy={list.isLoadingMore}
              onClick={() => void list.readMore()}
            />
          </li>
        )}
      </ul>
    </>
  );
}

/** Arrow keys lead from one project's name to the next, Home and End to the first and last. */
function walk(event: React.KeyboardEvent<HTMLUListElement>): void {
  const head = event.target as HTMLElement;
  if (!head.matches('.labyard-Project-head')) {
    return;
  }
  const heads = [...event.currentTarget.querySelectorAll<HTMLElement>('.labyard-Project-head')];
  const here = heads.indexOf(head);
  const isOpen = head.getAttribute('aria-expanded') === 'true';
  switch (event.key) {
    case 'ArrowDown':
      heads[here + 1]?.focus();
      break;
    case 'ArrowUp':
      heads[here - 1]?.focus();
      break;
    case 'Home':
      heads[0]?.focus();
      break;
    case 'End':
      heads[heads.length - 1]?.focus();
      break;
    case 'ArrowRight':
      if (!isOpen) {
        head.click();
      }
      break;
    case 'ArrowLeft':
      if (isOpen) {
        head.click();
      }
      break;
    default:
      return;
  }
  event.preventDefault();
}

/** For a person who is in no project. */
function Nothing({ startCreating }: { startCreating: () => void }): React.JSX.Element {
  const { list, trans } = usePanel();
  return (
    <div className="labyard-Nothing">
      <projectsIcon.react tag="div" className="labyard-Nothing-icon" />
      <p>
        <strong>
          {list.withArchived ? trans.__('You are in no project.') : trans.__('You are in no project yet.')}
        </strong>
      </p>
      <p>
        {trans.__(
          'A project is a folder, a server, tracked experiments and labelled data that you share with colleagues.'
        )}
      </p>
      <Action label={trans.__('Create a project')} kind="main" onClick={startCreating} />
      <p className="labyard-Hint">
        {trans.__('To get into somebody else’s, ask one of its owners to add you or to send you a link.')}
      </p>
    </div>
  );
}

/** Models that others share with the caller. */
function Received({ api }: { api: IPlatformApi }): React.JSX.Element {
  const { list, trans } = usePanel();
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const [models, setModels] = useState<IResource<IModelShare[]>>(UNREAD);
  const read = (): void => {
    setModels(before => ({ ...before, isLoading: true }));
    api.sharedModels().then(
      value => {
        setModels({ value, error: null, isLoading: false });
      },
      (error: unknown) => {
        setModels(before => ({ value: before.value, error: sentence(error), isLoading: false }));
      }
    );
  };
  useEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    read();
    // With every refresh of the list.
    const slot = (): void => {
      read();
    };
    list.refreshed.connect(slot);
    return () => {
      list.refreshed.disconnect(slot);
    };
  }, [isOpen, list]);
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  return (
    <section className="labyard-Section labyard-Received">
      <h3>
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={isOpen ? id : undefined}
          onClick={() => {
            setOpen(!isOpen);
          }}
        >
          <Caret.react tag="span" className="labyard-Section-caret" />
          <span className="labyard-Section-title">{trans.__('Models shared with you')}</span>
        </button>
      </h3>
      {isOpen && (
        <div id={id} className="labyard-Section-body">
          <Reading resource={models} retry={read} />
          {models.value?.length === 0 && (
            <p className="labyard-Hint">{trans.__('Nobody shares a model with you or with a project of yours now.')}</p>
          )}
          <ul className="labyard-Rows" aria-label={trans.__('Models shared with you')}>
            {(models.value ?? []).map(model => (
              <li key={model.id} className="labyard-Row">
                <div className="labyard-Row-line">
                  <span className="labyard-Row-text labyard-mod-two-lines">
                    {model.model}
                    <span className="labyard-Row-aside">
                      {model.project === null
                        ? trans.__('from %1', model.source)
                        : trans.__('from %1, with %2', model.source, model.project)}
                    </span>
                  </span>
                  <CopyModel model={model} />
                </div>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
