import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { ISignal } from '@lumino/signaling';
import { createContext, useCallback, useContext, useLayoutEffect, useReducer, useRef, useState } from 'react';

import type { IProject } from '../../api/projects';
import type { ProjectDetail } from '../../models/project';
import type { ProjectList } from '../../models/projects';

/** What the panel does outside of itself. */
export interface IProjectActions {
  /** The picture of a tool. */
  toolIcon(name: string): LabIcon;
  /** Why a tool cannot be opened; null where it can. */
  toolReason(name: string): string | null;
  /** Show a project's folder in the file browser. */
  openFiles(project: IProject): Promise<void>;
  /** Start the project's server or join it, in a window of its own. */
  openTogether(detail: ProjectDetail): Promise<void>;
  openMlflow(project: IProject): Promise<void>;
  openLabelStudio(detail: ProjectDetail): Promise<void>;
  /** Open an address of the platform in a new window. */
  openAddress(url: string): void;
  /** Put an address of the platform, made whole, or another text into the clipboard. */
  copyAddress(url: string): void;
  copyText(text: string): void;
  /** Ask before something that is not easily undone. */
  confirm(question: { title: string; body: string; accept: string }): Promise<boolean>;
}

/** What every part of the panel can use. */
export interface IPanelContext {
  list: ProjectList;
  actions: IProjectActions;
  trans: TranslationBundle;
  /** Name of the user in front of it. */
  user: string;
  /** Tell a screen reader, and nobody else. */
  announce(text: string): void;
}

export const PanelContext = createContext<IPanelContext | null>(null);

/** The panel's context. */
export function usePanel(): IPanelContext {
  const context = useContext(PanelContext);
  if (!context) {
    throw new Error('This part is drawn outside of the panel.');
  }
  return context;
}

/** Draw again whenever a signal is emitted. */
export function useSignal(signal: ISignal<unknown, unknown>): void {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => {
    const slot = (): void => {
      draw();
    };
    signal.connect(slot);
    return () => {
      signal.disconnect(slot);
    };
  }, [signal]);
}

/** Something that is under way, and how the last try went. */
export interface IAttempt {
  isBusy: boolean;
  /** What the last try failed with; null where it did not. */
  error: unknown;
  /** Try it, unless it is under way; whether it worked. */
  run(act: () => Promise<unknown>): Promise<boolean>;
  clear(): void;
}

/** Follow something that can fail. */
export function useAttempt(): IAttempt {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const isUnderWay = useRef(false);
  const run = useCallback(async (act: () => Promise<unknown>): Promise<boolean> => {
    if (isUnderWay.current) {
      return false;
    }
    isUnderWay.current = true;
    setBusy(true);
    setError(null);
    try {
      await act();
      return true;
    } catch (reason) {
      setError(reason);
      return false;
    } finally {
      isUnderWay.current = false;
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => {
    setError(null);
  }, []);
  return { isBusy, error, run, clear };
}
