import { caretDownIcon, caretRightIcon, type LabIcon } from '@jupyterlab/ui-components';
import React, { useId, type ReactNode } from 'react';

import { ROLES, type Role } from '../../api/projects';
import { sentence } from '../../models/failures';
import { colorOf, initials } from '../../models/people';
import { roleName } from '../../models/permissions';
import { usePanel } from './context';

/** Somebody's initials on their colour. */
export function Avatar({ name }: { name: string }): React.JSX.Element {
  return (
    <span className="labyard-Avatar" data-color={colorOf(name)} title={name} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

export function RoleBadge({ role }: { role: Role }): React.JSX.Element {
  const { trans } = usePanel();
  return (
    <span className="labyard-Badge" data-role={role}>
      {roleName(role, trans)}
    </span>
  );
}

/**
 * A button. One that cannot be used stays reachable, so that everybody can learn why.
 */
export function Action(props: {
  label: string;
  onClick: () => unknown;
  icon?: LabIcon;
  /** Why it cannot be used. */
  reason?: string | null;
  isBusy?: boolean;
  /** Only the icon is seen. */
  isIcon?: boolean;
  kind?: 'plain' | 'main' | 'danger';
  /** More about what it does. */
  title?: string;
  isSubmit?: boolean;
}): React.JSX.Element {
  const { label, reason, isBusy, isIcon, icon: Icon } = props;
  const id = useId();
  const isBlocked = Boolean(reason) || isBusy === true;
  return (
    <>
      <button
        type={props.isSubmit === true ? 'submit' : 'button'}
        className={`labyard-Action labyard-mod-${props.kind ?? 'plain'}${isIcon === true ? ' labyard-mod-icon' : ''}`}
        aria-disabled={isBlocked || undefined}
        aria-busy={isBusy === true || undefined}
        aria-label={isIcon === true ? label : undefined}
        aria-describedby={reason ? id : undefined}
        title={reason ?? props.title ?? (isIcon === true ? label : undefined)}
        onClick={event => {
          if (isBlocked) {
            event.preventDefault();
          } else {
            props.onClick();
          }
        }}
      >
        {Icon && <Icon.react tag="span" className="labyard-Action-icon" />}
        {isIcon !== true && <span>{label}</span>}
      </button>
      {reason && <Hidden id={id}>{reason}</Hidden>}
    </>
  );
}

/** A text for screen readers. */
export function Hidden({ id, children }: { id?: string; children: ReactNode }): React.JSX.Element {
  return (
    <span id={id} className="labyard-mod-unseen">
      {children}
    </span>
  );
}

/** What went wrong, next to where it did. */
export function Failure({ error, id }: { error: unknown; id?: string }): React.JSX.Element | null {
  return error === null || error === undefined ? null : (
    <p id={id} className="labyard-Failure" role="alert">
      {typeof error === 'string' ? error : sentence(error)}
    </p>
  );
}

/** A field with its label, and below it what is wrong with what it holds. */
export function Field(props: {
  label: string;
  hint?: string;
  error?: unknown;
  children: (attributes: {
    id: string;
    'aria-describedby': string | undefined;
    'aria-invalid': true | undefined;
  }) => ReactNode;
}): React.JSX.Element {
  const id = useId();
  const isWrong = props.error !== null && props.error !== undefined;
  const described = [props.hint ? `${id}-hint` : '', isWrong ? `${id}-error` : ''].filter(Boolean).join(' ');
  return (
    <div className="labyard-Field">
      <label htmlFor={id}>{props.label}</label>
      {props.children({ id, 'aria-describedby': described || undefined, 'aria-invalid': isWrong || undefined })}
      <Failure error={props.error} id={`${id}-error`} />
      {props.hint && (
        <p className="labyard-Field-hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

/** A choice from a few. */
export function Select<T extends string>(props: {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
  reason?: string | null;
  isBusy?: boolean;
}): React.JSX.Element {
  const id = useId();
  return (
    <span className="labyard-Select" title={props.reason ?? undefined}>
      <select
        aria-label={props.label}
        aria-describedby={props.reason ? id : undefined}
        aria-busy={props.isBusy === true || undefined}
        disabled={Boolean(props.reason)}
        value={props.value}
        onChange={event => {
          props.onChange(event.currentTarget.value as T);
        }}
      >
        {props.options.map(option => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <caretDownIcon.react tag="span" className="labyard-Select-caret" />
      {props.reason && <Hidden id={id}>{props.reason}</Hidden>}
    </span>
  );
}

/** A choice of a role. */
export function RoleSelect(props: {
  label: string;
  value: Role;
  onChange: (role: Role) => void;
  withOwner?: boolean;
  reason?: string | null;
  isBusy?: boolean;
}): React.JSX.Element {
  const { trans } = usePanel();
  const roles = [...ROLES].reverse().filter(role => role !== 'owner' || props.withOwner !== false);
  return <Select {...props} options={roles.map(role => ({ value: role, label: roleName(role, trans) }))} />;
}

/** A part of a project that folds away. */
export function Section(props: {
  title: string;
  count?: number | undefined;
  /** Said beside the title while it is folded. */
  summary?: string | undefined;
  isOpen: boolean;
  onToggle: () => void;
  children: ReactNode;
}): React.JSX.Element {
  const id = useId();
  const Caret = props.isOpen ? caretDownIcon : caretRightIcon;
  return (
    <section className="labyard-Section">
      <h4>
        <button
          type="button"
          aria-expanded={props.isOpen}
          aria-controls={props.isOpen ? id : undefined}
          onClick={props.onToggle}
        >
          <Caret.react tag="span" className="labyard-Section-caret" />
          <span className="labyard-Section-title">{props.title}</span>
          {props.count !== undefined && <span className="labyard-Section-count">{props.count}</span>}
          {!props.isOpen && props.summary && <span className="labyard-Section-summary">{props.summary}</span>}
        </button>
      </h4>
      {props.isOpen && (
        <div id={id} className="labyard-Section-body">
          {props.children}
        </div>
      )}
    </section>
  );
}

/** What stands where something is read, or could not be. */
export function Reading(props: {
  resource: { value: unknown; error: string | null; isLoading: boolean };
  retry: () => void;
}): React.JSX.Element | null {
  const { trans } = usePanel();
  const { value, error, isLoading } = props.resource;
  if (error !== null) {
    return (
      <div className="labyard-Reading">
        <Failure error={error} />
        <Action label={trans.__('Try again')} onClick={props.retry} isBusy={isLoading} />
      </div>
    );
  }
  return value === null ? <p className="labyard-Hint">{trans.__('Loading …')}</p> : null;
}
