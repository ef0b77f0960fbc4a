/**
 * What the server extension sends, field for field as the Python models in `labyard.models.tool` name it.
 */

/** A tool as `GET tools` lists it. */
export interface ITool {
  name: string;
  title: string;
  description: string;
  /** An SVG document that the server cleaned; empty or null where the tool has none. */
  icon: string | null;
  opens_folder: boolean;
  /** URL path of a tool that the platform runs for everybody; null for one that is started here. */
  url: string | null;
  expected_start_seconds: number;
  origin: 'built-in' | 'platform' | 'user';
}

/** Something wrong with a file that describes a tool. */
export interface IToolProblem {
  source: string;
  message: string;
}

/** Answer to `GET tools`. */
export interface IToolList {
  tools: ITool[];
  problems: IToolProblem[];
}

/** One running, failed or ended tool. */
export interface IToolInstance {
  id: string;
  tool: string;
  title: string;
  folder: string | null;
  state: 'starting' | 'running' | 'failed' | 'stopped';
  url: string;
  started_seconds: number;
  expected_start_seconds: number;
  idle_seconds: number;
  reason?: string | null;
  log_tail?: string[];
}
