import { ServerConnection, type Contents } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { PatientSaves, PAUSES } from './saving';

/** Files of a server that can be away. */
class Files {
  status = 200;
  hash = 'a';
  written: string[] = [];
  asked = 0;

  get = (path: string, _options?: Contents.IFetchOptions): Promise<Contents.IModel> =>
    this._answer(path, () => undefined);

  save = (path: string, options?: Partial<Contents.IModel>): Promise<Contents.IModel> =>
    this._answer(path, () => {
      this.written.push(String(options?.content));
      this.hash = String(options?.content);
    });

  private _answer(path: string, act: () => void): Promise<Contents.IModel> {
    this.asked += 1;
    if (this.status === 0) {
      return Promise.reject(new ServerConnection.NetworkError(new TypeError('gone')));
    }
    if (this.status !== 200) {
      return Promise.reject(new ServerConnection.ResponseError(new Response(null, { status: this.status })));
    }
    act();
    return Promise.resolve({ path, hash: this.hash, last_modified: '' } as Contents.IModel);
  }
}

describe('saving', () => {
  let files: Files;
  let saves: PatientSaves;

  beforeEach(() => {
    vi.useFakeTimers();
    files = new Files();
    saves = new PatientSaves(files, nullTranslator.load('labyard'));
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** What JupyterLab does to save. */
  async function save(content: string): Promise<void> {
    await files.get('a.py', { content: false, hash: true });
    await files.save('a.py', { content });
  }

  it.each([0, 502, 503, 504])('is tried again while the answer is %i', async status => {
    files.status = status;
    const saving = save('b');
    await vi.advanceTimersByTimeAsync(PAUSES[0] + PAUSES[1]);
    expect([saves.isWaiting, files.written]).toEqual([true, []]);
    files.status = 200;
    await vi.advanceTimersByTimeAsync(PAUSES[2]);
    await saving;
    expect([saves.isWaiting, files.written]).toEqual([false, ['b']]);
  });

  it.each([403, 404, 507])('fails at once when the answer is %i', async status => {
    files.status = status;
    await expect(save('b')).rejects.toBeInstanceOf(ServerConnection.ResponseError);
    expect(files.asked).toBe(1);
  });

  it('gives up with the error that JupyterLab shows', async () => {
    files.status = 503;
    const saving = expect(save('b')).rejects.toMatchObject({ response: { status: 503 } });
    await vi.runAllTimersAsync();
    await saving;
    expect([files.asked, saves.isWaiting]).toEqual([PAUSES.length + 1, false]);
  });

  it('never lets an older version follow a newer one', async () => {
    files.status = 503;
    const both = [save('older'), save('newer')];
    await vi.advanceTimersByTimeAsync(PAUSES[0]);
    files.status = 200;
    await vi.runAllTimersAsync();
    await Promise.all(both);
    expect(files.written).toEqual(['older', 'newer']);
  });

  it.each([
    ['is as it was', 'a', ['b']],
    ['was changed by somebody else', 'c', []]
  ])('writes after a failed write where the file %s', async (_, hash, written) => {
    await files.get('a.py', { content: false, hash: true });
    files.status = 502;
    const saving = files.save('a.py', { content: 'b' }).then(
      () => '',
      (error: unknown) => String(error)
    );
    await vi.advanceTimersByTimeAsync(0);
    [files.status, files.hash] = [200, hash];
    await vi.runAllTimersAsync();
    expect(await saving).toContain(written.length > 0 ? '' : 'may have changed');
    expect(files.written).toEqual(written);
  });

  it('leaves lists and uploads alone', async () => {
    files.status = 503;
    await expect(files.get('')).rejects.toBeDefined();
    const part = { content: '', chunk: 2 };
    await expect(files.save('big.bin', part)).rejects.toBeDefined();
    expect(files.asked).toBe(2);
  });
});
