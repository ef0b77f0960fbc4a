import type { IToolApi } from '../api/client';
import { ApiError } from '../api/errors';
import type { ITool, IToolInstance } from '../api/wire';
import { UNKNOWN_REPORT, type IToolReport } from './report';

/** How long a tool of the platform may be away before its tab gives up. */
const PLATFORM_PATIENCE_SECONDS = 120;

/** How long the answer about a start may take. It comes as soon as the tool runs; until then the log and the time are shown as often. */
const START_WAIT_SECONDS = 0.5;
const LONG_START_WAIT_SECONDS = 1;
const LONG_START_SECONDS = 15;

/** Said of an instance that is gone and that nobody stopped from this tab. */
const ENDED = 'It ended because nobody used it for a while, or it was stopped elsewhere.';

/**
 * How one kind of tool is started, watched and stopped. A driver speaks to the server and keeps no timers.
 */
export interface IToolDriver {
  /** Whether it is this person's own process, to be stopped, restarted and read the log of. */
  readonly isOwn: boolean;
  /** Whether the server holds its answer about a start until there is news, so that it can be asked again at once. */
  readonly holdsAnswer: boolean;
  /** Identifier of the running instance; null where there is none. */
  readonly instance: string | null;
  /** Start it, or join it where it runs. */
  begin(): Promise<IToolReport>;
  /** Look how it stands. */
  poll(): Promise<IToolReport>;
  restart(): Promise<IToolReport>;
  stop(): Promise<IToolReport>;
}

/**
 * A tool that runs as a process of its own inside this server.
 */
export class InstanceDriver implements IToolDriver {
  readonly isOwn = true;
  readonly holdsAnswer = true;

  constructor(
    private readonly _api: IToolApi,
    private readonly _tool: string,
    private readonly _folder: string | null
  ) {}

  get instance(): string | null {
    return this._id;
  }

  begin(): Promise<IToolReport> {
    this._beginning = this._create();
    return this._beginning;
  }

  async poll(): Promise<IToolReport> {
    if (this._id === null) {
      return this.begin();
    }
    const id = this._id;
    return (
      (await absentAsNull(async () => this._take(await this._api.get(id, this._waitSeconds())))) ?? this._stopped(ENDED)
    );
  }

  async restart(): Promise<IToolReport> {
    if (this._id === null) {
      return this.begin();
    }
    const id = this._id;
    return (await absentAsNull(async () => this._take(await this._api.restart(id)))) ?? this.begin();
  }

  async stop(): Promise<IToolReport> {
    // A start that was asked for and not yet answered must not outlive this.
    await this._beginning?.catch(() => undefined);
    if (this._id !== null) {
      const id = this._id;
      await absentAsNull(() => this._api.stop(id));
    }
    return this._stopped(null);
  }

  private _waitSeconds(): number {
    if (this._last.phase !== 'starting') {
      return 0;
    }
    return this._last.elapsedSeconds < LONG_START_SECONDS ? START_WAIT_SECONDS : LONG_START_WAIT_SECONDS;
  }

  private async _create(): Promise<IToolReport> {
    try {
      return this._take(await this._api.create(this._tool, this._folder));
    } catch (error) {
      // Who may only look, such as a viewer on a project's server, can join what somebody else has started.
      if (error instanceof ApiError && error.status === 403) {
        const running = (await this._api.instances()).find(
          one => one.tool === this._tool && (one.folder ?? '') === (this._folder ?? '') && one.state !== 'stopped'
        );
        if (running) {
          return this._take(running);
        }
      }
      throw error;
    }
  }

  private _take(instance: IToolInstance): IToolReport {
    this._id = instance.id;
    this._last = {
      phase: instance.state,
      title: instance.title,
      url: instance.url,
      elapsedSeconds: instance.started_seconds,
      expectedSeconds: instance.expected_start_seconds,
      reason: instance.reason ?? (instance.state === 'stopped' ? ENDED : null),
      log: instance.log_tail ?? []
    };
    return this._last;
  }

  private _stopped(reason: string | null): IToolReport {
    return { ...this._last, phase: 'stopped', reason };
  }

  private _beginning: Promise<IToolReport> | null = null;
  private _id: string | null = null;
  private _last: IToolReport = UNKNOWN_REPORT;
}

/**
 * A tool that the platform runs once for everybody; here it can only be waited for.
 */
export class PlatformDriver implements IToolDriver {
  readonly isOwn = false;
  readonly holdsAnswer = false;
  readonly instance = null;

  constructor(
    private readonly _api: IToolApi,
    private readonly _tool: ITool,
    private readonly _url: string,
    private readonly _now: () => number = Date.now
  ) {}

  begin(): Promise<IToolReport> {
    this._begunAt = this._now();
    return this.poll();
  }

  restart(): Promise<IToolReport> {
    return this.begin();
  }

  async poll(): Promise<IToolReport> {
    let status: number | null = null;
    try {
      status = await this._api.probe(this._url);
    } catch {
      // No answer at all counts as "not yet", as 502 and 503 do.
    }
    const elapsedSeconds = (this._now() - this._begunAt) / 1000;
    const report: IToolReport = {
      ...UNKNOWN_REPORT,
      title: this._tool.title,
      url: this._url,
      elapsedSeconds,
      expectedSeconds: this._tool.expected_start_seconds
    };
    if (status !== null && status < 500) {
      return { ...report, phase: 'running' };
    }
    if (elapsedSeconds < PLATFORM_PATIENCE_SECONDS) {
      return report;
    }
    const answer = status === null ? 'it gave no answer' : `its last answer was status ${status}`;
    return {
      ...report,
      phase: 'failed',
      reason: `${this._tool.title}, which the platform runs for everybody, was not ready after ${PLATFORM_PATIENCE_SECONDS} s: ${answer}. Retry, or tell an administrator.`
    };
  }

  stop(): Promise<IToolReport> {
    return Promise.reject(new Error(`${this._tool.title} is run by the platform and cannot be stopped from here.`));
  }

  private _begunAt = 0;
}

async function absentAsNull<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return null;
    }
    throw error;
  }
}
