/**
 * What the server said when it did not do what it was asked.
 */
export class ApiError extends Error {
  /**
   * @param status - HTTP status of the answer.
   * @param code - Stable identifier of the case, `http_<status>` where the answer carried none.
   * @param message - A sentence for people.
   */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** Whether something between here and the server failed, so that the same request may work in a moment. */
  get isTransient(): boolean {
    return this.status === 502 || this.status === 503 || this.status === 504;
  }
}
