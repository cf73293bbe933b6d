const MESSAGES = {
  final: 'the job is final',
  lost: 'the claim is no longer held',
  shutdown: 'the process is shutting down',
} as const;

/**
 * Why a running job is stopped from outside: it is final, its claim no longer counts (another worker may go on with it), or the
 * process ends and gives it back.
 */
export class StopReason extends Error {
  readonly why: keyof typeof MESSAGES;

  constructor(why: keyof typeof MESSAGES) {
    super(MESSAGES[why]);
    this.name = 'StopReason';
    this.why = why;
  }
}
