/** Where a tool stands, seen from its tab. */
export type ToolPhase = 'starting' | 'running' | 'failed' | 'stopped';

/**
 * What is known about one opened tool at one moment.
 */
export interface IToolReport {
  readonly phase: ToolPhase;
  /** What its tab is called; null until the server said so. */
  readonly title: string | null;
  /** URL path to show once it runs. */
  readonly url: string | null;
  readonly elapsedSeconds: number;
  /** What a start usually takes; 0 where that is not known. */
  readonly expectedSeconds: number;
  /** For a failed one: what happened, in a sentence. */
  readonly reason: string | null;
  /** Last lines of its output. */
  readonly log: readonly string[];
}

/** The report before anything is known. */
export const UNKNOWN_REPORT: IToolReport = {
  phase: 'starting',
  title: null,
  url: null,
  elapsedSeconds: 0,
  expectedSeconds: 0,
  reason: null,
  log: []
};
