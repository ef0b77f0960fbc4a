import React, { useEffect, useId, useRef, useState } from 'react';

import { usePanel } from './context';
import { Avatar, Hidden } from './parts';

/** Somebody types on before this time is over; only then the service is asked. */
const PAUSE_MILLISECONDS = 150;

/**
 * A field for a person's name that completes while one types: arrow keys choose, Enter takes, Escape closes.
 */
export function PersonField(props: {
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
  /** Names that fit what is typed. */
  complete: (text: string) => Promise<string[]>;
  error: boolean;
  errorId: string;
  reason: string | null;
}): React.JSX.Element {
  const { trans, announce } = usePanel();
  const id = useId();
  const [options, setOptions] = useState<string[]>([]);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const wanted = useRef('');
  const timer = useRef(0);
  const list = useRef<HTMLUListElement>(null);
  const { complete } = props;

  useEffect(
    () => () => {
      window.clearTimeout(timer.current);
    },
    []
  );
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  const close = (): void => {
    window.clearTimeout(timer.current);
    wanted.current = '';
    setOpen(false);
    setActive(-1);
  };
  const look = (text: string, pause: number): void => {
    window.clearTimeout(timer.current);
    wanted.current = text;
    timer.current = window.setTimeout(() => {
      // Completion is a help: where it fails, a name can still be typed to its end.
      void complete(text)
        .catch((): string[] => [])
        .then(names => {
          if (wanted.current !== text) {
            return; // Somebody typed on; this is the answer to something else.
          }
          setOptions(names);
          setActive(-1);
          setOpen(names.length > 0);
          announce(
            names.length > 0 ? trans._n('%1 suggestion', '%1 suggestions', names.length) : trans.__('No suggestion')
          );
        });
    }, pause);
  };
  const take = (name: string): void => {
    props.onChange(name);
    close();
  };
  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>): void => {
    const last = options.length - 1;
    if (event.key === 'Escape' && isOpen) {
      event.stopPropagation();
      close();
    } else if (event.key === 'ArrowDown' && !isOpen) {
      look(props.value.trim() || '', 0);
    } else if (event.key === 'ArrowDown') {
      setActive(active >= last ? 0 : active + 1);
    } else if (event.key === 'ArrowUp' && isOpen) {
      setActive(active <= 0 ? last : active - 1);
    } else if (event.key === 'Enter' && isOpen && active >= 0) {
      take(options[active] ?? '');
    } else {
      return;
    }
    event.preventDefault();
  };

  const described = [props.error ? props.errorId : '', props.reason ? `${id}-reason` : ''].filter(Boolean).join(' ');
  return (
    <span className="labyard-Person" title={props.reason ?? undefined}>
      <input
        type="text"
        role="combobox"
        aria-label={props.label}
        aria-autocomplete="list"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-activedescendant={isOpen && active >= 0 ? `${id}-${active}` : undefined}
        aria-invalid={props.error || undefined}
        aria-describedby={described || undefined}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        placeholder={props.placeholder}
        disabled={props.reason !== null}
        value={props.value}
        onChange={event => {
          const text = event.currentTarget.value;
          props.onChange(text);
          if (text.trim()) {
            look(text.trim(), PAUSE_MILLISECONDS);
          } else {
            close();
          }
        }}
        onKeyDown={onKeyDown}
        onBlur={close}
      />
      {props.reason && <Hidden id={`${id}-reason`}>{props.reason}</Hidden>}
      {isOpen && (
        <ul ref={list} id={id} role="listbox" aria-label={props.label} className="labyard-Person-list">
          {options.map((name, index) => (
            <li
              key={name}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === active}
              onPointerDown={event => {
                // The field keeps the focus.
                event.preventDefault();
              }}
              onClick={() => {
                take(name);
              }}
            >
              <Avatar name={name} />
              <span>{name}</span>
            </li>
          ))}
        </ul>
      )}
    </span>
  );
}
