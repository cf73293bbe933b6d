/** Why a running job is stopped from outside: its claim no longer counts, or the process ends and gives it back. */
export class StopReason extends Error {
  readonly why: 'lost' | 'shutdown';

  constructor(why: 'lost' | 'shutdown') {
    super(why === 'lost' ? 'the claim is no longer held' : 'the process is shutting down');
    this.name = 'StopReason';
    this.why = why;
  }
}
